"""The lake that is published: its Delta tables as they are now, and their rows a batch at a time.

Spark keeps a table in `warehouse/SCHEMA.db/NAME`, and landing in `landing/NAME`. A table that was opened stays at its
version, whatever is committed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError

from afterstate.errors import AfterstateError
from afterstate.publish.marts import Mart
from loaders.lake.manifest import VISIBLE
from loaders.lake.reason import CREDENTIALS, reason_of
from loaders.lake.tables import LOADS, REJECTS, place_of

Batches = Callable[[Sequence[str]], Iterable[pa.RecordBatch]]  # takes columns
ROWS_AT_ONCE = 1 << 15
IS_VISIBLE = f"status in ({', '.join(map(repr, VISIBLE))})"
# What a server's landing tables have and a lake's do not: a load that was withdrawn frees its content.
MADE = {"content_no": "case when withdrawn_at is null then 0 else load_id end"}


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake as it is at one moment; `table_id` is the one that Delta gave it when it was made.

    `version` changes whenever its rows do.
    """

    table: DeltaTable
    table_id: str
    version: int
    loads: DeltaTable | None  # whose visible loads count, for a landing table

    @property
    def columns(self) -> list[str]:
        """The columns, in the order of the table."""
        return [field.name for field in self.table.schema().fields]

    def count(self) -> int | None:
        """Return how many rows there are as far as Delta's own statistics tell; None when they do not."""
        counts = pa.table(self.table.get_add_actions(flatten=True))
        if "num_records" not in counts.column_names or counts["num_records"].null_count:
            return None
        return int(sum(counts["num_records"].to_pylist()))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows, with these columns in this order; raises AfterstateError when the lake cannot be read."""
        query = QueryBuilder({"datafusion.execution.batch_size": str(ROWS_AT_ONCE)}).register("rows_there", self.table)
        there = {name.lower(): f'"{name}"' for name in self.columns}
        listed = ", ".join(f'{there.get(name.lower()) or MADE[name]} as "{name}"' for name in columns)
        where = ""
        if self.loads is not None:
            query = query.register("loads_there", self.loads)
            where = f" where load_id in (select load_id from loads_there where {IS_VISIBLE})"
        with readable(self.table.table_uri):
            yield from pa.RecordBatchReader.from_stream(query.execute(f"select {listed} from rows_there{where}"))


class BuiltLake:
    """A lake with marts in it; `schema` is what Spark calls the schema of the marts there."""

    def __init__(self, uri: str, schema: str) -> None:
        """Open the lake. Raises AfterstateError when there is none, or none that can be reached."""
        self.uri = place_of(uri)
        self.schema = schema.lower()
        self._landing = {name: self._open(f"{self.uri}/landing/{name}") for name in (LOADS, REJECTS)}
        loads = self._landing[LOADS]
        if loads is None:
            raise AfterstateError(
                f"{uri}: there is no lake here", "expected the folder or URL that `afterstate land --lake` was given"
            )
        self.lake_id = str(loads.metadata().id)

    def find(self, mart: Mart) -> LakeTable | None:
        """Return the table that a mart's rows come from, as it is now; None when nothing has built it."""
        if mart.origin == "landing":
            table = self._landing[mart.lake_name]
        else:
            schema = self.schema if mart.origin == "marts" else f"{self.schema}_{mart.origin}"
            table = self._open(f"{self.uri}/warehouse/{schema}.db/{mart.lake_name.lower()}")
        if table is None:
            return None
        loads = self._landing[LOADS] if mart.origin == "landing" else None
        # A row of landing is there before the commit to the manifest that makes it visible, and counts from then on.
        return LakeTable(table, str(table.metadata().id), (loads or table).version(), loads)

    def _open(self, place: str) -> DeltaTable | None:
        with readable(place):
            try:
                return DeltaTable(place)
            except TableNotFoundError:
                return None


@contextmanager
def readable(place: str) -> Iterator[None]:
    """Turn what delta-rs raises in the block into an AfterstateError."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise AfterstateError(
            f"{place}: the lake said: {reason_of(error)}; nothing was published",
            f"run the same command again; {CREDENTIALS}",
        ) from error
