"""The rows that are written: an op_state timeline reckoned from row numbers, in the columns of the lake's table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

ROWS_A_BATCH = 65_536
PLANES = 64
STATES = pa.array(["PROGRAM", "READ", "ERASE", "SUSPEND", "IDLE"])
LANES = pa.array([f"lane_{number}" for number in range(16)])
NAMES = pa.array([f"op_{number:04d}" for number in range(1_000)])
ROWS = pa.schema(
    [
        pa.field("_load_id", pa.int64(), nullable=False),
        pa.field("_row_no", pa.int32(), nullable=False),
        pa.field("_line_no", pa.int32(), nullable=False),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("die", pa.int32(), nullable=False),
        pa.field("plane", pa.int32(), nullable=False),
        pa.field("op_state", pa.string(), nullable=False),
        pa.field("op_name", pa.string()),
        pa.field("lane", pa.string()),
        pa.field("duration", pa.float64()),
        pa.field("_other_columns", pa.string()),
    ]
)
LOADS = pa.schema(
    [
        pa.field("load_id", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("rows_landed", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)


def reader(load_id: int, rows: int) -> pa.RecordBatchReader:
    """Return a load's rows as a stream, each batch made when it is asked for, as landing does."""
    return pa.RecordBatchReader.from_batches(ROWS, _batches(load_id, rows))


def manifest(load_id: int, rows: int) -> pa.Table:
    """Return a load's row of the manifest."""
    path = f"session/op_state_timeline_{load_id:07d}.csv"
    return pa.Table.from_arrays([[load_id], ["nand_op_state_timeline"], [path], [rows], ["landed"]], schema=LOADS)


def _batches(load_id: int, rows: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, rows, ROWS_A_BATCH):
        number = np.arange(first, min(first + ROWS_A_BATCH, rows))
        mixed = (number + load_id) * 2_654_435_761 % 2**32 >> 8  # the same in each run, and like no pattern
        start, duration = number * 5.25, (mixed % 4_000) / 4
        is_unnamed = mixed % 50 == 0
        values = [
            np.full(len(number), load_id),
            number + 1,
            number + 2,
            start,
            start + duration,
            number % PLANES // 4,
            number % 4,
            STATES.take(pa.array(mixed % len(STATES))),
            NAMES.take(pa.array(mixed % len(NAMES), mask=is_unnamed)),
            LANES.take(pa.array(mixed % len(LANES))),
            duration,
            pa.nulls(len(number), pa.string()),
        ]
        columns = [pa.array(value).cast(field.type) for value, field in zip(values, ROWS, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=ROWS)
