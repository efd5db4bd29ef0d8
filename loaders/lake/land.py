"""Landing a file into a lake: open a load, commit its rows and its rejects, close it.

Rows and rejects are one commit each, which Delta makes visible whole or not at all; they count once the load is closed
in the manifest. A loader that is killed leaves files that nobody reads, and the same command again lands the file as a
load of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
from loaders.lake.tables import REJECTS, REJECTS_SCHEMA, Lake, rows_schema
from loaders.land import FileLander
from loaders.load import SHOWN_REJECTS, oddities, readable
from loaders.result import FileResult
from loaders.runs import Told
from loaders.store import KnownLoad
from loaders.turns import Stopped, Turn

# Appends of other loads are no conflict, only a reason to write the commit under the next number.
APPENDS_AT_ONCE = 1_000
REJECTS_AT_ONCE = 10_000


class LakeLander(FileLander):
    """Lands files into one lake."""

    def __init__(
        self,
        lake: Lake,
        kind: Kind | None = None,
        progress: Progress | None = None,
        told: Told | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(kind, progress, told, encoding)
        self._lake = lake
        self._manifest = Manifest(lake)

    def _load_with_retries(self, inspected: Inspected, result: FileResult, turn: Turn) -> None:
        try:
            with turn.opening(inspected.kind.name, inspected.run):
                opened = self._manifest.open(inspected)
            if isinstance(opened, KnownLoad):
                result.note_known(opened)
                return
            load = _LakeLoad(self._lake, inspected, turn, opened, self._progress)
            load.write()
            turn.wait_to_close()
            closed = self._manifest.close(inspected, opened, load.landed, load.rejected)
        except (DeltaError, OSError) as error:
            raise LandingError(
                f"the lake said: {error}; nothing of the file was landed", AGAIN, failure="server"
            ) from error
        if closed.known:
            result.note_known(closed.known)
            return
        messages = oddities(inspected, load)
        messages += [f"replaces what was landed of this run from {path}" for path in closed.replaced]
        result.note_landed(opened, load.landed, load.rejected, messages)


class _LakeLoad:
    """The rows and rejects of one file on their way into the lake."""

    def __init__(self, lake: Lake, inspected: Inspected, turn: Turn, load_id: int, progress: Progress | None) -> None:
        self.encoder = Encoder(inspected.kind, inspected.header, inspected.encoding)
        self.landed = self.rejected = 0
        self.first_rejects: list[Reject] = []
        self._lake = lake
        self._inspected = inspected
        self._turn = turn
        self._load_id = load_id
        self._progress = progress
        self._rejects: list[Reject] = []

    def write(self) -> None:
        """Commit the file's rows, then its rejects; raises LandingError when the file is not what was inspected."""
        inspected = self._inspected
        schema = rows_schema(inspected.kind)
        with open_content(inspected.found.file, self._progress, inspected.encoding) as content:
            self._append(inspected.kind.name, schema, _Failing(lambda: self._rows(content, schema)))
        if self._rejects:
            self._append(REJECTS, REJECTS_SCHEMA, _Failing(self._reject_batches))

    def _rows(self, content: Content, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with readable():
            for batch in self._inspected.kind.read(content).batches:
                for checked in self.encoder.check(batch):
                    self._turn.heed()
                    rows = _typed(checked, self._load_id, schema)
                    self.landed += len(rows)
                    self.rejected += len(checked.rejects)
                    self.first_rejects += checked.rejects[: SHOWN_REJECTS - len(self.first_rejects)]
                    self._rejects += checked.rejects
                    yield rows
        if content.sha256 != self._inspected.sha256:
            raise changed(self._inspected.found.shown)

    def _reject_batches(self) -> Iterator[pa.RecordBatch]:
        constants = {
            "load_id": self._load_id,
            "kind": self._inspected.kind.name,
            "file_path": self._inspected.found.place,
        }
        for start in range(0, len(self._rejects), REJECTS_AT_ONCE):
            rejects = self._rejects[start : start + REJECTS_AT_ONCE]
            values = [dict(zip(REJECT_COLUMNS, reject.values(), strict=True)) | constants for reject in rejects]
            yield pa.RecordBatch.from_pylist(values, schema=REJECTS_SCHEMA)

    def _append(self, name: str, schema: pa.Schema, batches: _Failing) -> None:
        """Commit batches to a table, all or none."""
        try:
            write_deltalake(
                self._lake.place(name),
                pa.RecordBatchReader.from_batches(schema, batches),
                mode="append",
                writer_properties=WriterProperties(compression="ZSTD"),
                commit_properties=CommitProperties(
                    max_commit_retries=APPENDS_AT_ONCE,
                    app_transactions=[Transaction(f"afterstate load {self._load_id}", 1)],
                ),
            )
        except Exception as error:
            raise batches.error or error from error


class _Failing:
    """An iterator that keeps what it raised: delta-rs passes only the text of an exception on."""

    def __init__(self, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        self._batches = batches()
        self.error: BaseException | None = None

    def __iter__(self) -> _Failing:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except (AfterstateError, Stopped, OSError) as error:
            self.error = error
            raise


def _typed(checked: Checked, load_id: int, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of a batch that fit as Arrow's own types, with NULL for columns that the file does not have."""
    count = len(checked.row_no)
    fits = None if checked.fits is None else pa.array(checked.fits)
    given: dict[str, Any] = {
        "_load_id": pa.repeat(pa.scalar(load_id, pa.int64()), count),
        "_row_no": pa.array(checked.row_no, pa.int32()),
        "_line_no": pa.array(checked.line_no, pa.int32()),
        **checked.spelled,
    }
    columns = []
    for name, type_ in zip(schema.names, schema.types, strict=True):
        values = given.get(name)
        values = pa.nulls(count, type_) if values is None else values
        values = values if fits is None else values.take(fits)
        columns.append(pc.cast(values, type_))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
