"""Landing files and folders: recognise, check, stream, and say what became of each file.

Each file lands in a transaction of its own: one that fails leaves nothing behind and does not keep the others from
landing. While the server takes one block of a file in, the next one is read and checked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import pymysql
import sqlalchemy
from sqlalchemy.exc import DBAPIError

from afterstate.errors import AfterstateError, LandingError, UsageError
from afterstate.warehouse.connect import LandingConnection, cursor, engine
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.holders import who_blocks, who_may_know
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.waiting import word_each_minute
from loaders import store
from loaders.content import Content, Progress, changed, measure, open_content
from loaders.encode import Encoder, Reject
from loaders.encoding import advice, guess_encoding
from loaders.kinds import Kind
from loaders.reader import Batch, Unreadable, printable, visible
from loaders.recognise import (
    UnknownFile,
    begun_like,
    read_beginning,
    read_header,
    recognise,
    require_begun,
    require_needed,
    require_storable,
)
from loaders.runs import NO_RUN, Found, Run, Told
from loaders.send import insert_lines, load_data
from loaders.tables import LandingTables, landing_tables
from loaders.turns import Turn, Turns

# A packet holds up to 16 MiB; smaller ones let the server begin sooner.
SEND_BYTES = 1 << 20
REJECTS_IN_MEMORY_BYTES = 16 << 20
SHOWN_REJECTS = 3
# Two loaders may wait for each other's locks; the server then ends one of them, which simply starts again. One that
# waits for another to land the same file waits for LOCK_SECONDS, whatever the server's own patience is.
DEADLOCK, LOCK_WAIT_TIMEOUT, ATTEMPTS = 1213, 1205, 5
IDLE_SECONDS = 86_400  # how long a connection may wait for the files before its own, whatever the server's patience is
UNKNOWN_COLUMN, INTERRUPTED = 1054, 1317
NO_ROOM = (1114, 1021, 3675)  # a table is full, the disk is, a log's disk is
AGAIN = "run the same command again"
HINTS = {
    DEADLOCK: AGAIN,
    LOCK_WAIT_TIMEOUT: AGAIN,
    INTERRUPTED: f"somebody ended it, an administrator perhaps; {AGAIN}",
    UNKNOWN_COLUMN: "`afterstate up` brings what an older Afterstate made up to date",
    **dict.fromkeys(NO_ROOM, f"make room on the server's disk (`afterstate prune` may help), then {AGAIN}"),
}
# PyMySQL's codes for a connection that ended: gone away, lost during a query, and already closed.
CONNECTION_LOST = (2006, 2013, 0)
T = TypeVar("T")


@dataclass
class FileResult:
    """What became of one file; `messages` are for people, the rest is the contract of `land --json`."""

    file: str
    kind: str | None = None
    status: str = "ignored"
    rows_read: int = 0
    rows_landed: int = 0
    rows_rejected: int = 0
    load_id: int | None = None
    messages: list[str] = field(default_factory=list)

    @property
    def is_rejected(self) -> bool:
        """Whether the file has rows, and none of them fitted, now or when it landed."""
        return self.rows_rejected > 0 and not self.rows_landed

    def as_json(self) -> dict[str, Any]:
        """Give the object that `land --json` prints (design section 2)."""
        names = ("file", "kind", "status", "rows_read", "rows_landed", "rows_rejected", "load_id")
        return {name: getattr(self, name) for name in names}

    def take(self, load: store.KnownLoad) -> None:
        """Say that the file was landed before."""
        self.status = "unchanged" if load.status in (store.LANDED, store.REJECTED) else "superseded"
        self.load_id = load.load_id
        self.rows_read, self.rows_landed, self.rows_rejected = load.rows_read, load.rows_landed, load.rows_rejected
        if self.status == "superseded":
            self.messages.append(f"landed before as load {load.load_id}; later loads have restated all of its rows")


def find_files(paths: Sequence[Path]) -> list[Found]:
    """Give the files that `land` looks at: those named, and all in the folders named, hidden ones left out.

    Raises UsageError for what is neither, such as a pipe: landing reads a file more than once.
    """
    found: dict[Path, Found] = {}
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise UsageError(
                f"`{path}` is neither a file nor a folder",
                "write it to a file and land that, or pipe it: `… | afterstate land - --kind KIND`",
            )
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_file() and not hidden:
                found.setdefault(file, Found(file, path))
    return list(found.values())


class Lander:
    """Lands files into one warehouse, each over a connection of its own."""

    def __init__(
        self,
        warehouse: Warehouse,
        kind: Kind | None = None,
        progress: Progress | None = None,
        told: Told | None = None,
        encoding: str | None = None,
    ) -> None:
        """Take the warehouse, what every file is said to be and to belong to, and who wants to hear of progress.

        `encoding` is what `known_encoding` gives; None is UTF-8.
        """
        self._kind = kind
        self._told = told or Told()
        self._progress = progress
        self._encoding = encoding
        self._engine = engine(warehouse.landing, landing=True)
        self._who_may_know = who_may_know(Settings.from_environment(), warehouse)
        with cursor(warehouse.landing) as ask:
            ask.execute("select version(), @@global.local_infile")
            version, self.has_load_data = ask.fetchone()
        self._tables = landing_tables(warehouse.schemas, Engine.from_version(version).exact_collation)

    def land(self, file: Path, root: Path | None = None, turn: Turn | None = None) -> FileResult:
        """Land one file; what is wrong with it is in the result, nothing of it is then visible.

        `root` is the folder by which it was found, when it is not named by itself, `turn` its place among files that
        land side by side. Raises Stopped when those have been stopped.
        """

        def source() -> _Source:
            kind = self._recognise(file, result)
            run = self._told.run_of(Found(file, root or file)) if kind.is_stated_by_run else NO_RUN
            return _Source(file, kind, run, _place(file), self._encoding)

        result = FileResult(printable(str(file)))
        return self._land(file, source, result, turn or Turns().take())

    def land_passing(self, file: Path, kind: Kind, place: str, folder: str) -> FileResult:
        """Land a passing file that holds what came from memory or a pipe; the user tells its session and run.

        `place` and `folder` are what the manifest and the session say of where it came from.
        """

        def source() -> _Source:
            self._recognise(file, result, kind)
            told = Run(str(self._told.session), str(self._told.run), folder, is_session_told=True)
            run = told if kind.is_stated_by_run else NO_RUN
            return _Source(file, kind, run, place, self._encoding, is_passing=True)

        result = FileResult(place, kind.name)
        return self._land(file, source, result, Turns().take())

    def _land(self, file: Path, source: Callable[[], _Source], result: FileResult, turn: Turn) -> FileResult:
        try:
            self._land_with_patience(source(), result, turn)
        except UnknownFile as unknown:
            result.messages.append(str(unknown))
        except AfterstateError as error:
            _fail(result, str(error))
        except OSError as error:
            _fail(result, f"{file}: cannot be read: {error.strerror or error}")
        finally:
            turn.end()
        # A name may hold line breaks, and what steers a terminal; that of a passing file says nothing.
        result.messages = [message.replace(str(file), visible(result.file)) for message in result.messages]
        return result

    def _recognise(self, file: Path, result: FileResult, told: Kind | None = None) -> Kind:
        beginning, first, guess = read_beginning(file, told or self._kind, self._encoding)
        kind = told or self._kind or begun_like(beginning)
        if kind and kind.begins:
            require_begun(file, kind, beginning)
        else:
            header = read_header(file, first, kind, guess)
            if kind:
                require_needed(file, kind, header)
            else:
                kind = recognise(file, header)
            require_storable(file, header)
        result.kind = kind.name
        return kind

    def _land_with_patience(self, source: _Source, result: FileResult, turn: Turn) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._land_once(source, result, turn)
                return
            except (DBAPIError, pymysql.MySQLError) as error:
                if _code(error) != DEADLOCK or attempt == ATTEMPTS:
                    raise LandingError(f"{source.shown}: {_server_said(error)}") from error
                turn.begin_again()

    def _land_once(self, source: _Source, result: FileResult, turn: Turn) -> None:
        sha256, size = measure(source.file, turn.heed, source.encoding)
        with (
            self._engine.connect() as connection,
            turn.connected(own := cast(LandingConnection, connection.connection.driver_connection)),
            word_each_minute(lambda: self._why_it_waits(source, own)),
        ):
            connection.exec_driver_sql("set session transaction isolation level read committed")
            connection.exec_driver_sql(
                f"set session innodb_lock_wait_timeout = {store.LOCK_SECONDS}, wait_timeout = {IDLE_SECONDS}"
            )
            is_new = False
            with turn.opening(source.kind.name, source.run):
                store.require_session(connection, self._tables.sessions, source.run, source.shown)
                known = self._find_load(connection, source, sha256)
                if not known:
                    is_new = self._open_load(connection, source, sha256, size, turn)
                    known = None if is_new else self._find_load(connection, source, sha256)
            if is_new:
                send = load_data if self.has_load_data else insert_lines
                _Load(connection, self._tables, source, turn, send, self._progress).run(sha256, result)
            elif known:
                result.take(known)
            connection.commit()

    def _why_it_waits(self, source: _Source, own: LandingConnection) -> str:
        blocks = who_blocks(self._who_may_know, own.thread_id())
        return f"{source.shown}: {blocks}" if blocks else ""

    def _find_load(self, connection: sqlalchemy.Connection, source: _Source, sha256: str) -> store.KnownLoad | None:
        return store.find_load(connection, self._tables.loads, source.kind, sha256, source.run)

    def _open_load(
        self, connection: sqlalchemy.Connection, source: _Source, sha256: str, size: int, turn: Turn
    ) -> bool:
        with open_content(source.file, encoding=source.encoding) as content:
            header = source.kind.read(content).header
        repeated = Encoder(source.kind, header).repeated
        notes = f"repeated header, the first is kept: {', '.join(repeated)}" if repeated else None
        values = {
            "kind": source.kind.name,
            "session_id": source.run.session_id,
            "run_id": source.run.run_id,
            "file_path": source.place,
            "file_bytes": size,
            "content_sha256": sha256,
            "header": header,
            "notes": notes,
        }
        load_id = store.open_load(connection, self._tables.loads, values, turn.load_id)
        turn.load_id = load_id or turn.load_id
        return load_id is not None


@dataclass(frozen=True)
class _Source:
    """A file, what it is and belongs to, and where its rows came from: what the manifest calls its path."""

    file: Path
    kind: Kind
    run: Run
    place: str
    encoding: str | None = None
    is_passing: bool = False

    @property
    def shown(self) -> str:
        """What messages call it."""
        return self.place if self.is_passing else str(self.file)


class _Load:
    """One file on its way into its tables, inside the caller's transaction."""

    def __init__(
        self,
        connection: sqlalchemy.Connection,
        tables: LandingTables,
        source: _Source,
        turn: Turn,
        send: store.Send,
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._source = source
        self._kind = source.kind
        self._turn = turn
        self._send = send
        self._load_id = cast(int, turn.load_id)
        self._progress = progress
        self._sent = self._rejected = 0
        self._first_rejects: list[str] = []

    def run(self, sha256: str, result: FileResult) -> None:
        """Land the file's rows and rejects; raises LandingError unless all of it arrived as it was sent."""
        with (
            open_content(self._source.file, self._progress, self._source.encoding) as content,
            tempfile.SpooledTemporaryFile(REJECTS_IN_MEMORY_BYTES) as spool,
        ):
            encoder = self._send_rows(content, spool)
            if content.sha256 != sha256:
                raise changed(self._source.shown)
            spool.seek(0)
            place = (self._load_id, self._kind, self._source.place)
            lines = _read_all(spool)
            rejects = store.stream_rejects(self._send, self._connection, self._tables.rejects, *place, lines)
            self._require(rejects, self._rejected, "rejects")
        self._turn.wait_to_close()
        store.take_session(self._connection, self._tables.sessions, self._source.run, self._source.shown)
        store.close_load(self._connection, self._tables.loads, self._load_id, self._sent, self._rejected)
        replaced = store.mark_superseded(self._connection, self._tables, self._kind, self._load_id)
        self._report(encoder, result)
        result.messages += [f"replaces what was landed of this run from {path}" for path in replaced]

    def _send_rows(self, content: Content, spool: IO[bytes]) -> Encoder:
        try:
            reading = self._kind.read(content)
            encoder = Encoder(self._kind, reading.header, self._source.encoding, quotes_all=self._send is insert_lines)
            lines = self._lines(encoder, reading.batches, spool)
            table = self._tables.rows[self._kind.name]
            packets = _packets(_one_ahead(lines))
            stored = store.stream_rows(self._send, self._connection, table, encoder.columns, self._load_id, packets)
        except Unreadable as error:
            raise LandingError(
                f"{self._source.shown}: {error}", "expected CSV, one row a line; nothing of the file was landed"
            ) from error
        self._require(stored, self._sent, "rows")
        return encoder

    def _lines(self, encoder: Encoder, batches: Iterator[Batch], spool: IO[bytes]) -> Iterator[memoryview]:
        for batch in batches:
            for lines, count, rejects in encoder.encode(batch):
                self._sent += count
                self._keep(rejects, spool)
                yield lines

    def _keep(self, rejects: Sequence[Reject], spool: IO[bytes]) -> None:
        self._rejected += len(rejects)
        shown = rejects[: SHOWN_REJECTS - len(self._first_rejects)]
        self._first_rejects += [f"{self._source.shown}: {reject}" for reject in shown]
        with no_room_for_temporary_files(self._source.shown):
            spool.writelines(reject.line() for reject in rejects)

    def _require(self, stored: int, sent: int, what: str) -> None:
        if stored != sent:
            raise LandingError(
                f"{self._source.shown}: the server stored {stored} of {sent} {what}; nothing of the file was landed",
                "run the same command again; if it says so twice, please report it with the file's header",
            )

    def _report(self, encoder: Encoder, result: FileResult) -> None:
        result.load_id = self._load_id
        result.rows_read = self._sent + self._rejected
        result.rows_landed, result.rows_rejected = self._sent, self._rejected
        result.status = store.REJECTED if result.is_rejected else store.LANDED
        result.messages = [
            f"{self._source.shown}: column `{visible(name)}` is there twice, the first is kept"
            for name in encoder.repeated
        ]
        result.messages += self._first_rejects
        if self._rejected > SHOWN_REJECTS:
            result.messages.append(f"… and {self._rejected - SHOWN_REJECTS} more in landing_rejects")
        if encoder.undecoded_rows and not self._source.encoding:
            lead = f"{self._source.shown}: rows with bytes that are not UTF-8: {encoder.undecoded_rows:,}"
            result.messages.append(f"{lead}\n  {advice(guess_encoding(encoder.undecoded))}")


def _place(file: Path) -> str:
    """Give the file's full path; a name that is not UTF-8 is spelled so that it can be stored."""
    return printable(str(file.resolve()))


@contextmanager
def no_room_for_temporary_files(shown: str) -> Iterator[None]:
    """Say of a write to a temporary file that it failed; the file that is being landed is not to blame."""
    try:
        yield
    except OSError as error:
        raise LandingError(
            f"{shown}: no temporary file can be written in {tempfile.gettempdir()}: {error.strerror or error}",
            f"make room there, or name another folder in TMPDIR, then {AGAIN}",
        ) from error


def _read_all(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(SEND_BYTES):
        yield block


def _packets(blocks: Iterable[memoryview]) -> Iterator[memoryview]:
    for block in blocks:
        for start in range(0, len(block), SEND_BYTES):
            yield block[start : start + SEND_BYTES]


def _one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items; while one is being used, a thread makes the next."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="landing") as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _fail(result: FileResult, message: str) -> None:
    result.status = "failed"
    result.rows_read = result.rows_landed = result.rows_rejected = 0
    result.load_id = None
    result.messages.append(message)


def _code(error: Exception) -> int | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause.args[0] if cause is not None and cause.args else None


def _server_said(error: Exception) -> str:
    if _code(error) in CONNECTION_LOST:
        # It may have been lost on the answer to COMMIT: then all of the file is there, and landing it again says so.
        return (
            "the connection to the server was lost; nothing half-done is visible\n"
            "  `afterstate status` tells whether it runs, `afterstate up` starts the private one; "
            "then run the same command again"
        )
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = cause.args[-1] if cause is not None and cause.args else error
    hint = HINTS.get(_code(error) or 0, "`afterstate doctor` looks for what is wrong")
    return f"the server said: {said}; nothing of it was landed\n  {hint}"
