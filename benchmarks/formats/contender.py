"""One step of one way, a process of its own: `python -m benchmarks.formats.contender`, JSON on stdin, JSON out.

Says `ready` on a line of its own when its imports are done and its clock starts. Run by the Python of
`.venv-benchmarks`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from benchmarks.formats.batches import ROWS, manifest, reader
from benchmarks.formats.tables import LAKES, Lake
from benchmarks.measuring import peak_megabytes

LONGEST_WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class Order:
    """What to do in which folder: loads of `rows` each, numbered on from `first`.

    Where the tables are new, they are made before the clock starts.
    """

    step: str
    way: str
    folder: str
    rows: int
    loads: int = 1
    first: int = 1
    is_new: bool = False


@dataclass
class Reading:
    """Clock readings of `time.monotonic`, memory, and what the step has to say."""

    ready: float = 0.0
    done: float = 0.0
    peak_megabytes: float = 0.0
    own_retries: int | None = None
    raised: Counter[str] = field(default_factory=Counter)
    answer: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Do as the order says, and print what it took."""
    order, reading = Order(**json.load(sys.stdin)), Reading()
    lake: Lake = LAKES[order.way](order.folder)
    if order.is_new:
        lake.make()
    print("ready", flush=True)
    reading.ready = time.monotonic()
    found = STEPS[order.step](lake, order, reading)
    reading.done = time.monotonic()
    reading.peak_megabytes, reading.own_retries = peak_megabytes(), lake.own_retries
    if found is not None:
        reading.answer = _answer(*found)
    print(json.dumps(vars(reading)))


def _make(lake: Lake, _order: Order, _reading: Reading) -> None:
    lake.make()


def _append(lake: Lake, order: Order, _reading: Reading) -> None:
    """Commit a load's rows, then its row of the manifest."""
    for load_id in _load_ids(order):
        lake.append("rows", reader(load_id, order.rows))
        row = manifest(load_id, order.rows)
        lake.append("loads", pa.RecordBatchReader.from_batches(row.schema, row.to_batches()))


def _commit(lake: Lake, order: Order, reading: Reading) -> None:
    """Commit the rows of each load, again where the library gave up, and count how often it did."""
    for load_id in _load_ids(order):
        while True:
            try:
                lake.append("rows", reader(load_id, order.rows))
                break
            except lake.conflicts as error:
                reading.raised[type(error).__name__] += 1
                time.sleep(random.uniform(0, LONGEST_WAIT_SECONDS))  # noqa: S311 (so that two do not keep step)


def _read(lake: Lake, _order: Order, _reading: Reading) -> tuple[pa.Table, pa.Table]:
    return lake.read("rows"), lake.read("loads")


def _reckon(_lake: Lake, order: Order, _reading: Reading) -> tuple[pa.Table, pa.Table]:
    """Return what should be there, without any lake."""
    tables = [reader(load_id, order.rows).read_all() for load_id in _load_ids(order)]
    return pa.concat_tables(tables), pa.concat_tables([manifest(load_id, order.rows) for load_id in _load_ids(order)])


STEPS = {"make": _make, "append": _append, "commit": _commit, "read": _read, "reckon": _reckon}


def _load_ids(order: Order) -> range:
    return range(order.first, order.first + order.loads)


def _answer(rows: pa.Table, loads: pa.Table) -> dict[str, Any]:
    """Return how many rows each load has, and the sum of a hash of every row's values, in whatever order they lie."""
    from pandas.util import hash_pandas_object

    same = rows.select(ROWS.names).cast(ROWS)
    hashes = hash_pandas_object(same.to_pandas(), index=False).to_numpy()
    counted = Counter(same["_load_id"].to_pylist())
    return {
        "rows": {str(load_id): count for load_id, count in sorted(counted.items())},
        "checksum": int(hashes.sum(dtype="uint64")),
        "landed": sorted(loads["load_id"].to_pylist()),
    }


if __name__ == "__main__":
    main()
