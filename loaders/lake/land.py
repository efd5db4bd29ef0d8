"""Landing a file into a lake: open a load, commit its rows and its rejects, close it.

Rows and rejects are one commit each, which Delta makes visible whole or not at all; they count once the load is closed
in the manifest. A loader that is killed leaves files that nobody reads, and the same command again lands the file as a
load of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from afterstate.errors import AfterstateError, LandingError
from loaders.content import Content, Progress, changed, open_content
from loaders.encode import REJECT_COLUMNS, Checked, Encoder, Reject
from loaders.inspection import Inspected
from loaders.kinds import Kind
from loaders.lake.manifest import AGAIN, Manifest
from loaders.lake.reason import reason_of
from loaders.lake.tables import REJECTS, REJECTS_SCHEMA, Lake, OpenTables, rows_schema
from loaders.land import FileLander
from loaders.load import REJECTS_IN_MEMORY_BYTES, SHOWN_REJECTS, oddities, readable
from loaders.result import FileResult
from loaders.runs import RunOptions
from loaders.store import KnownLoad
from loaders.temporary import no_room_for_temporary_files
from loaders.turns import Stopped, Turn

# Appends of other loads are not a conflict, only a reason to write the commit under the next number.
APPENDS_AT_ONCE = 1_000


class LakeLander(FileLander):
    """Lands files into one lake."""

    def __init__(
        self,
        lake: Lake,
        kind: Kind | None = None,
        progress: Progress | None = None,
        run_options: RunOptions | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(kind, progress, run_options, encoding)
        self._manifest = Manifest(lake)
        self._tables = OpenTables(lake)

    def _load_with_retries(self, inspected: Inspected, result: FileResult, turn: Turn) -> None:
        with turn.opening(inspected.kind.name, inspected.run), _refusals():
            opened = self._manifest.open(inspected)
        if isinstance(opened, KnownLoad):
            result.note_known(opened)
            return
        rows = self._write(inspected, opened, turn)
        turn.wait_to_close()
        with _refusals():
            closed = self._manifest.close(inspected, opened, rows.landed, rows.rejected)
        if closed.known:
            result.note_known(closed.known)
            return
        messages = oddities(inspected, rows)
        messages += [f"replaces what was landed of this run from {path}" for path in closed.replaced]
        result.note_landed(opened, rows.landed, rows.rejected, messages)

    def _write(self, inspected: Inspected, load_id: int, turn: Turn) -> _TypedRows:
        """Commit a file's rows, then its rejects; raises LandingError when the file is not what was inspected."""
        with (
            open_content(inspected.found.file, self._progress, inspected.encoding) as content,
            tempfile.SpooledTemporaryFile(REJECTS_IN_MEMORY_BYTES) as spool,
        ):
            rows = _TypedRows(inspected, load_id, content, turn, spool)
            self._append(inspected.kind.name, load_id, rows.schema, iter(rows))
            if rows.rejected:
                spool.seek(0)
                self._append(REJECTS, load_id, REJECTS_SCHEMA, iter(pa.ipc.open_stream(spool)))
        return rows

    def _append(self, name: str, load_id: int, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        """Commit batches to a table, all or none."""
        failing = _Failing(batches)
        try:
            with _refusals():
                write_deltalake(
                    self._tables.latest(name),
                    pa.RecordBatchReader.from_batches(schema, failing),
                    mode="append",
                    writer_properties=WriterProperties(compression="ZSTD"),
                    commit_properties=CommitProperties(
                        max_commit_retries=APPENDS_AT_ONCE,
                        app_transactions=[Transaction(f"afterstate load {load_id}", 1)],
                    ),
                )
        except Exception as error:
            raise failing.error or error from error


class _TypedRows:
    """A file's rows as Arrow's batches; its rejects go to `spool` meanwhile, as a stream of Arrow's."""

    def __init__(self, inspected: Inspected, load_id: int, content: Content, turn: Turn, spool: IO[bytes]) -> None:
        self.encoder = Encoder(inspected.kind, inspected.header, inspected.encoding)
        self.landed = self.rejected = 0
        self.first_rejects: list[Reject] = []
        self.schema = rows_schema(inspected.kind)
        self._inspected = inspected
        self._load_id = load_id
        self._content = content
        self._turn = turn
        self._spool = spool

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        shown = self._inspected.found.shown
        with no_room_for_temporary_files(shown):
            spooled = pa.ipc.new_stream(self._spool, REJECTS_SCHEMA)
        with readable():
            for batch in self._inspected.kind.read(self._content).batches:
                for checked in self.encoder.check(batch):
                    self._turn.raise_if_stopped()
                    rows = _typed(checked, self._load_id, self.schema)
                    self.landed += len(rows)
                    if checked.rejects:
                        with no_room_for_temporary_files(shown):
                            spooled.write_batch(self._typed_rejects(checked.rejects))
                    yield rows
        with no_room_for_temporary_files(shown):
            spooled.close()
        if self._content.sha256 != self._inspected.sha256:
            raise changed(shown)

    def _typed_rejects(self, rejects: Sequence[Reject]) -> pa.RecordBatch:
        self.rejected += len(rejects)
        self.first_rejects += rejects[: SHOWN_REJECTS - len(self.first_rejects)]
        kind, place = self._inspected.kind.name, self._inspected.found.place
        constants = {"load_id": self._load_id, "kind": kind, "file_path": place}
        values = [dict(zip(REJECT_COLUMNS, reject.values(), strict=True)) | constants for reject in rejects]
        return pa.RecordBatch.from_pylist(values, schema=REJECTS_SCHEMA)


class _Failing:
    """An iterator that keeps what it raised: delta-rs passes only the text of an exception on."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.error: BaseException | None = None

    def __iter__(self) -> _Failing:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except (AfterstateError, Stopped, OSError) as error:
            self.error = error
            raise


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the lake raises in the block into a LandingError."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise LandingError(
            f"the lake said: {reason_of(error)}; nothing of the file was landed", AGAIN, failure="server"
        ) from error


def _typed(checked: Checked, load_id: int, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of a batch that fit as Arrow's own types, with NULL for columns that the file does not have."""
    count = len(checked.row_no)
    fits = None if checked.fits is None else pa.array(checked.fits)
    given: dict[str, Any] = {
        "_load_id": pa.repeat(pa.scalar(load_id, pa.int64()), count),
        "_row_no": pa.array(checked.row_no, pa.int32()),
        "_line_no": pa.array(checked.line_no, pa.int32()),
        **checked.serialized,
    }
    columns = []
    for name, type_ in zip(schema.names, schema.types, strict=True):
        values = given.get(name)
        values = pa.nulls(count, type_) if values is None else values
        values = values if fits is None else values.take(fits)
        columns.append(pc.cast(values, type_))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
