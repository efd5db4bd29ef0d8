"""Rows of the lake as lines for LOAD DATA, in the format of landing; values reach the server as the lake has them.

Texts go as they are; doubles by their shortest spelling, which is read back as the same double; times in UTC, to the
microsecond. What the server's types do not have (NaN, infinity) is refused, not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from afterstate.errors import AfterstateError
from loaders.encode import Line, bytes_of

LINES_BYTES = 16 << 20  # of a batch's values, which its lines then take, too


class Lines:
    """The lines of some batches, to be gone through once; `count` is how many there were."""

    def __init__(self, mart: str, batches: Iterable[pa.RecordBatch], *, quotes_all: bool) -> None:
        """Store where messages say the rows are from; `quotes_all` puts numbers in quotes, as INSERT needs them."""
        self.count = 0
        self._mart = mart
        self._batches = batches
        self._quotes_all = quotes_all

    def __iter__(self) -> Iterator[memoryview]:
        for batch in self._batches:
            parts = batch.nbytes // LINES_BYTES + 1
            at_once = max(1, batch.num_rows // parts)
            for start in range(0, batch.num_rows, at_once):
                part = batch.slice(start, at_once)
                yield self._lines(part)
                self.count += part.num_rows

    def _lines(self, batch: pa.RecordBatch) -> memoryview:
        line = Line()
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            texts, is_text = self._texts(name, values)
            line.add(texts, quoted=is_text or self._quotes_all)
        return bytes_of(line.join())

    def _texts(self, name: str, values: Any) -> tuple[Any, bool]:
        """Return a column's values as texts, and whether they are put in quotes."""
        type_ = values.type
        if pa.types.is_boolean(type_):
            return pc.cast(pc.cast(values, pa.int8()), pa.string()), False
        if pa.types.is_floating(type_):
            return self._doubles(name, values), False
        if pa.types.is_integer(type_) or pa.types.is_decimal(type_):
            return pc.cast(values, pa.string()), False
        if pa.types.is_timestamp(type_):
            return pc.cast(pc.cast(values, pa.timestamp("us")), pa.string()), True
        if pa.types.is_date(type_):
            return pc.cast(values, pa.string()), True
        if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
            return pc.cast(values, pa.string()), True
        raise AfterstateError(
            f"{self._mart}, column `{name}`: the lake has {type_}, which no column of a mart is; nothing was published",
            "build the lake with the Afterstate that publishes",
        )

    def _doubles(self, name: str, values: Any) -> Any:
        if pc.all(pc.is_finite(values)).as_py() is False:
            raise AfterstateError(
                f"{self._mart}, column `{name}`: a value is NaN or infinite, which no server stores; nothing was "
                "published",
                "correct the model that makes it, and build the lake again",
            )
        return pc.cast(pc.add(pc.cast(values, pa.float64()), 0.0), pa.string())  # -0 is 0, as landing has it
