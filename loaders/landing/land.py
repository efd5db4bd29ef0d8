"""Landing files and folders: recognise, check, stream, and say what became of each file.

Files land one after the other, each in a transaction of its own: one that fails leaves nothing behind and does not
keep the others from landing.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO, FileIO, RawIOBase
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pymysql
import sqlalchemy
from sqlalchemy.exc import DBAPIError

from loaders.connect import detect, engine
from loaders.errors import AfterstateError, LandingError, UsageError
from loaders.landing import store
from loaders.landing.encode import Encoder
from loaders.landing.kinds import Kind
from loaders.landing.reader import Record, printable, records
from loaders.landing.recognise import UnknownFile, begun_like, read_header, recognise, require_begun, require_needed
from loaders.landing.runs import NO_RUN, Found, Run, Told
from loaders.landing.tables import LandingTables, landing_tables
from loaders.profile import Warehouse

BATCH_ROWS = 5_000
READ_BYTES = 1 << 20
# A kind is told from the file's beginning: somebody else's huge file without a line break is not read to its end.
HEADER_BYTES = 1 << 20
REJECTS_IN_MEMORY_BYTES = 16 << 20
SHOWN_REJECTS = 3
# Two loaders may wait for each other's locks; the server then ends one of them, which simply starts again.
DEADLOCK, LOCK_WAIT_TIMEOUT, ATTEMPTS = 1213, 1205, 5
UNKNOWN_COLUMN = 1054
HINTS = {
    DEADLOCK: "run the same command again",
    LOCK_WAIT_TIMEOUT: "run the same command again",
    UNKNOWN_COLUMN: "`afterstate up` brings what an older Afterstate made up to date",
}
# PyMySQL's codes for a connection that ended: gone away, lost during a query, and already closed.
CONNECTION_LOST = (2006, 2013, 0)
MEMORY = "memory"  # where rows come from that never were in a file
LANDING_SESSION = "set session transaction isolation level read committed"

Progress = Callable[[Path, int, int], None]  # file, bytes read, bytes in all


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

    def as_json(self) -> dict[str, Any]:
        """Give the object that `land --json` prints (design section 2)."""
        names = ("file", "kind", "status", "rows_read", "rows_landed", "rows_rejected", "load_id")
        return {name: getattr(self, name) for name in names}

    def take(self, load: store.KnownLoad) -> None:
        """Say that the file was landed before."""
        self.status = "superseded" if load.status == "superseded" else "unchanged"
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
            raise UsageError(f"`{path}` is neither a file nor a folder", "write it to a file and land that")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_file() and not hidden:
                found.setdefault(file, Found(file, path))
    return list(found.values())


class Lander:
    """Lands files into one warehouse over one connection."""

    def __init__(
        self,
        warehouse: Warehouse,
        kind: Kind | None = None,
        progress: Progress | None = None,
        told: Told | None = None,
    ) -> None:
        """Take the warehouse, what every file is said to be and to belong to, and who wants to hear of progress."""
        self._kind = kind
        self._told = told or Told()
        self._progress = progress
        self._engine = engine(warehouse.landing, landing=True)
        self._tables = landing_tables(warehouse.schemas.landing, detect(warehouse.landing).exact_collation)

    def land(self, file: Path, root: Path | None = None) -> FileResult:
        """Land one file; what is wrong with it is in the result, nothing of it is then visible.

        `root` is the folder by which it was found, when it is not named by itself.
        """
        result = FileResult(printable(str(file)))
        try:
            kind = self._recognise(file)
            result.kind = kind.name
            run = self._told.run_of(Found(file, root or file)) if kind.is_stated_by_run else NO_RUN
            self._land_with_patience(_Source(file, kind, run, _place(file)), result)
        except UnknownFile as unknown:
            result.messages.append(str(unknown))
        except AfterstateError as error:
            _fail(result, str(error))
        except OSError as error:
            _fail(result, f"{file}: cannot be read: {error.strerror or error}")
        return result

    def land_from_memory(self, file: Path, kind: Kind) -> FileResult:
        """Land rows that were written to a passing file, of the session and the run that the caller tells."""
        place = f"{MEMORY}:{kind.name}"
        result = FileResult(place, kind.name)
        run = Run(str(self._told.session), str(self._told.run), MEMORY, is_session_told=True)
        try:
            self._land_with_patience(_Source(file, kind, run, place), result)
        except AfterstateError as error:
            _fail(result, str(error))
        return result

    def _recognise(self, file: Path) -> Kind:
        with file.open("rb") as stream:
            beginning = stream.read(HEADER_BYTES)
        kind = self._kind or begun_like(beginning)
        if kind and kind.begins:
            require_begun(file, kind, beginning)
            return kind
        header = read_header(file, next(records(BytesIO(beginning)), None), kind)
        if kind:
            require_needed(file, kind, header)
            return kind
        return recognise(file, header)

    def _land_with_patience(self, source: _Source, result: FileResult) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._land_once(source, result)
                return
            except (DBAPIError, pymysql.MySQLError) as error:
                if _code(error) not in (DEADLOCK, LOCK_WAIT_TIMEOUT) or attempt == ATTEMPTS:
                    raise LandingError(f"{source.shown}: {_server_said(error)}") from error

    def _land_once(self, source: _Source, result: FileResult) -> None:
        sha256 = _sha256(source.file)
        with self._engine.connect() as connection:
            connection.exec_driver_sql(LANDING_SESSION)
            load_id = None
            store.require_session(connection, self._tables.sessions, source.run, source.shown)
            known = self._find_load(connection, source, sha256)
            if not known:
                load_id = self._open_load(connection, source, sha256)
                known = None if load_id else self._find_load(connection, source, sha256)
            if load_id:
                _Load(connection, self._tables, source, load_id, self._progress).run(sha256, result)
            elif known:
                result.take(known)
            connection.commit()

    def _find_load(self, connection: sqlalchemy.Connection, source: _Source, sha256: str) -> store.KnownLoad | None:
        return store.find_load(connection, self._tables.loads, source.kind, sha256, source.run)

    def _open_load(self, connection: sqlalchemy.Connection, source: _Source, sha256: str) -> int | None:
        with source.file.open("rb") as stream:
            header = _header(source.kind.records(stream))
        repeated = Encoder(source.kind, header).repeated
        notes = f"repeated header, the first is kept: {', '.join(repeated)}" if repeated else None
        values = {
            "kind": source.kind.name,
            "session_id": source.run.session_id,
            "run_id": source.run.run_id,
            "file_path": source.place,
            "file_bytes": source.file.stat().st_size,
            "content_sha256": sha256,
            "header": header,
            "notes": notes,
        }
        return store.open_load(connection, self._tables.loads, values)


@dataclass(frozen=True)
class _Source:
    """A file, what it is and belongs to, and where its rows came from: what the manifest calls its path."""

    file: Path
    kind: Kind
    run: Run
    place: str

    @property
    def shown(self) -> str:
        """What messages call it."""
        return self.place if self.run.folder == MEMORY else str(self.file)


class _Load:
    """One file on its way into its tables, inside the caller's transaction."""

    def __init__(
        self,
        connection: sqlalchemy.Connection,
        tables: LandingTables,
        source: _Source,
        load_id: int,
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._source = source
        self._kind = source.kind
        self._load_id = load_id
        self._progress = progress
        self._sent = self._rejected = 0
        self._first_rejects: list[str] = []

    def run(self, sha256: str, result: FileResult) -> None:
        """Land the file's rows and rejects; raises LandingError unless all of it arrived as it was sent."""
        rows = self._tables.rows[self._kind.name]
        with (
            self._source.file.open("rb", buffering=0) as raw,
            tempfile.SpooledTemporaryFile(REJECTS_IN_MEMORY_BYTES) as spool,
        ):
            watched = _Watched(raw, self._source.file, self._progress)
            found = self._kind.records(BufferedReader(watched, READ_BYTES))
            encoder = Encoder(self._kind, _header(found))
            lines = self._lines(encoder, found, spool)
            stored = store.stream_rows(self._connection, rows, encoder.columns, self._load_id, lines)
            self._require(stored, self._sent, "rows")
            if watched.sha256.hexdigest() != sha256:
                raise LandingError(
                    f"{self._source.shown}: the file changed while it was read; nothing of it was landed",
                    "land it again when its producer has finished",
                )
            spool.seek(0)
            rejects = store.stream_rejects(
                self._connection, self._tables.rejects, self._load_id, self._kind, self._source.place, _blocks(spool)
            )
            self._require(rejects, self._rejected, "rejects")
        store.close_load(self._connection, self._tables.loads, self._load_id, self._sent, self._rejected)
        replaced = store.mark_superseded(self._connection, self._tables, self._kind, self._load_id)
        self._report(encoder, result)
        result.messages += [f"replaces what was landed of this run from {path}" for path in replaced]

    def _lines(self, encoder: Encoder, found: Iterator[Record], spool: IO[bytes]) -> Iterator[bytes]:
        while batch := list(islice(found, BATCH_ROWS)):
            lines, count, rejects = encoder.encode(batch)
            self._sent += count
            self._rejected += len(rejects)
            for reject in rejects:
                spool.write(reject.line())
                if len(self._first_rejects) < SHOWN_REJECTS:
                    self._first_rejects.append(f"{self._source.shown}: {reject}")
            for start in range(0, len(lines), READ_BYTES):
                yield lines[start : start + READ_BYTES]

    def _require(self, stored: int, sent: int, what: str) -> None:
        if stored != sent:
            raise LandingError(
                f"{self._source.shown}: the server stored {stored} of {sent} {what}; nothing of the file was landed",
                "run the same command again; if it says so twice, please report it with the file's header",
            )

    def _report(self, encoder: Encoder, result: FileResult) -> None:
        result.status = "landed"
        result.load_id = self._load_id
        result.rows_read = self._sent + self._rejected
        result.rows_landed, result.rows_rejected = self._sent, self._rejected
        result.messages = [f"column `{name}` is there twice, the first is kept" for name in encoder.repeated]
        result.messages += self._first_rejects
        if self._rejected > SHOWN_REJECTS:
            result.messages.append(f"… and {self._rejected - SHOWN_REJECTS} more in landing_rejects")


class _Watched(RawIOBase):
    """A file's bytes as they are read: hashed, and told to whoever wants to see progress."""

    def __init__(self, raw: FileIO, file: Path, progress: Progress | None) -> None:
        self._raw = raw
        self._file = file
        self._size = file.stat().st_size
        self._read = 0
        self._progress = progress
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """Tell BufferedReader that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer and give the number of bytes."""
        count = self._raw.readinto(buffer)
        self.sha256.update(memoryview(buffer)[:count])
        self._read += count
        if self._progress:
            self._progress(self._file, self._read, self._size)
        return int(count)


def _place(file: Path) -> str:
    """Give the file's full path; a name that is not UTF-8 is spelled so that it can be stored."""
    return printable(str(file.resolve()))


def _header(found: Iterator[Record]) -> list[str]:
    """Take the header off; an empty file has none."""
    first = next(found, None)
    return first.fields if first else []


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        for block in _blocks(stream):
            digest.update(block)
    return digest.hexdigest()


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(READ_BYTES):
        yield block


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
