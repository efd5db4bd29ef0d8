"""Landing a file: inspect it, then load it.

Each file lands in a transaction of its own: one that fails leaves nothing behind and does not keep the others from
landing.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import sqlalchemy

from afterstate.errors import READ_PERMISSION, AfterstateError, LandingError
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.connect import LandingConnection, open_cursor
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.holders import who_blocks, who_may_know
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.waiting import report_every_minute
from loaders import store
from loaders.content import Progress
from loaders.inspection import Inspected, inspect
from loaders.kinds import Kind
from loaders.load import Destination, oddities, send_file
from loaders.recognise import UnknownFile
from loaders.refusals import DEADLOCK, DriverError, code_of, refused
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions
from loaders.send import insert_lines, load_data
from loaders.tables import landing_tables
from loaders.turns import Turn, Turns

ATTEMPTS = 5  # at what the server ends because two loaders wait for each other
IDLE_SECONDS = (
    86_400  # how long a connection may wait for the files before its own, whatever the server's own timeout is
)


class FileLander(ABC):
    """Lands files one at a time; subclasses decide where rows go."""

    def __init__(
        self,
        kind: Kind | None = None,
        progress: Progress | None = None,
        run_options: RunOptions | None = None,
        encoding: str | None = None,
    ) -> None:
        """Store the options that hold for every file, and the progress callback.

        `encoding` is what `known_encoding` returns; None is UTF-8.
        """
        self._kind = kind
        self._run_options = run_options or RunOptions()
        self._progress = progress
        self._encoding = encoding

    @abstractmethod
    def _load_with_retries(self, inspected: Inspected, result: FileResult, turn: Turn) -> None:
        """Load a file that was inspected, unless it is known; raises LandingError when nothing of it has landed."""

    def land(self, file: Path) -> FileResult:
        """Land one file by itself; if it fails, the result says why, and nothing of it is visible."""
        return self.land_found(InputFile(file, file))

    def land_found(self, found: InputFile, kind: Kind | None = None, turn: Turn | None = None) -> FileResult:
        """Land one file; if it fails, the result says why, and nothing of it is visible.

        `kind` is the file's own, unless all files are of one; `turn` its place among files that land side by side.
        Raises Stopped when those have been stopped.
        """
        result = FileResult(found.name, kind.name if kind else None)
        turn = turn or Turns().take()
        with _noting_failures(found, result), turn.until_done():
            inspected = inspect(
                found,
                kind=kind or self._kind,
                run_options=self._run_options,
                encoding=self._encoding,
                progress=turn.raise_if_stopped,
            )
            result.kind = inspected.kind.name
            self._load_with_retries(inspected, result, turn)
        return result


class Lander(FileLander):
    """Lands files into one warehouse, each over a connection of its own."""

    def __init__(
        self,
        warehouse: Warehouse,
        kind: Kind | None = None,
        progress: Progress | None = None,
        run_options: RunOptions | None = None,
        encoding: str | None = None,
    ) -> None:
        """Store the warehouse, the options that hold for every file, and the progress callback.

        `encoding` is what `known_encoding` returns; None is UTF-8.
        """
        super().__init__(kind, progress, run_options, encoding)
        self._engine = sqlalchemy_engine(warehouse.landing, landing=True)
        self._who_may_know = who_may_know(Settings.from_environment(), warehouse)
        with open_cursor(warehouse.landing) as cursor:
            cursor.execute("select version(), @@global.local_infile")
            version, self.has_load_data = cursor.fetchone()
        self._tables = landing_tables(warehouse.schemas, Engine.from_version(version).exact_collation)

    def _load_with_retries(self, inspected: Inspected, result: FileResult, turn: Turn) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._load(inspected, result, turn)
                return
            except DriverError as error:
                if code_of(error) != DEADLOCK or attempt == ATTEMPTS:
                    raise refused(error, inspected.found.shown) from error
                turn.give_up_place()

    def _load(self, inspected: Inspected, result: FileResult, turn: Turn) -> None:
        """Load a file in one transaction, unless it is known."""
        with self._connected(inspected, turn) as connection:
            known = self._open(connection, inspected, turn)
            if known:
                connection.commit()
                result.note_known(known)
                return
            load_id = cast(int, turn.load_id)
            destination = Destination(connection, self._tables, load_data if self.has_load_data else insert_lines)
            rows = send_file(destination, inspected, load_id, self._progress)
            turn.wait_to_close()
            store.take_session(connection, self._tables.sessions, inspected.run)
            store.close_load(connection, self._tables.loads, load_id, rows.landed, rows.rejected)
            replaced = store.mark_superseded(connection, self._tables, inspected.kind, load_id)
            connection.commit()
        messages = oddities(inspected, rows)
        messages += [f"replaces what was landed of this run from {path}" for path in replaced]
        result.note_landed(load_id, rows.landed, rows.rejected, messages)

    @contextmanager
    def _connected(self, inspected: Inspected, turn: Turn) -> Iterator[sqlalchemy.Connection]:
        """Connect for one load; while it waits for a lock, report every minute who holds it."""
        with self._engine.connect() as connection:
            own = cast(LandingConnection, connection.connection.driver_connection)
            with turn.connected(own), report_every_minute(lambda: self._why_it_waits(inspected, own)):
                connection.exec_driver_sql("set session transaction isolation level read committed")
                connection.exec_driver_sql(
                    f"set session innodb_lock_wait_timeout = {store.LOCK_SECONDS}, wait_timeout = {IDLE_SECONDS}"
                )
                yield connection

    def _why_it_waits(self, inspected: Inspected, own: LandingConnection) -> str:
        blocks = who_blocks(self._who_may_know, own.thread_id())
        return f"{inspected.found.shown}: {blocks}" if blocks else ""

    def _open(self, connection: sqlalchemy.Connection, inspected: Inspected, turn: Turn) -> store.KnownLoad | None:
        """Return the load that a file is known by; else open one, whose id is then the turn's."""
        identity = (connection, self._tables.loads, inspected.kind, inspected.sha256, inspected.run)
        with turn.opening(inspected.kind.name, inspected.run):
            store.require_session(connection, self._tables.sessions, inspected.run)
            known = store.find_load(*identity)
            if known:
                return known
            load_id = store.open_load(connection, self._tables.loads, manifest_of(inspected), turn.load_id)
            turn.load_id = load_id or turn.load_id
            return None if load_id is not None else store.find_load(*identity)


def manifest_of(inspected: Inspected) -> dict[str, object]:
    """Return what the manifest says of a file when its load opens."""
    repeated = ", ".join(inspected.repeated)
    return {
        "kind": inspected.kind.name,
        "session_id": inspected.run.session_id,
        "run_id": inspected.run.run_id,
        "file_path": inspected.found.place,
        "file_bytes": inspected.size,
        "content_sha256": inspected.sha256,
        "header": inspected.header,
        "notes": f"repeated header, the first is kept: {repeated}" if repeated else None,
    }


@contextmanager
def _noting_failures(found: InputFile, result: FileResult) -> Iterator[None]:
    """Note in the result what keeps a file from landing."""
    try:
        yield
    except UnknownFile as unknown:
        result.messages.append(str(unknown))
    except AfterstateError as error:
        if isinstance(error, LandingError):
            error.file = found.shown
            error.kind = result.kind = error.kind or result.kind
        result.fail(error, str(error))
    except OSError as error:
        # a folder is among the files to land only where it is closed
        may_not = isinstance(error, PermissionError | IsADirectoryError)
        said = os.strerror(errno.EACCES) if may_not else error.strerror or error
        hint = f"\n  {READ_PERMISSION}" if may_not else ""
        result.fail(error, f"{found.shown}: cannot be read: {said}{hint}")
