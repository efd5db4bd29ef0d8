"""The files that are landed: the same bytes for the same number of rows, quickly, and as their producers write them.

The timeline is what a NAND simulator writes: operations on the four planes of a die at once, cut into states, times on
a grid of 0.01 µs and therefore with a float's noise (`7000.110000000001`, `9.824400000000423`). The trace is
`simulators.core`'s, with the columns that Afterstate does not know.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from simulators.core.governed_files import write_governed_runs
from simulators.core.governed_runs import Size
from simulators.core.sample_run import TRACE

SEED = 1
TICK_US = 0.01
DIES, PLANES = 4, 4
OPERATIONS_PER_BLOCK = 100_000
# Each operation's states and how long they take, in µs, as in the example of a real simulator.
OPERATIONS = {
    "ERASE": (("ISSUE", 0.11), ("CORE_BUSY", 7000.0)),
    "CACHE_PROGRAM_SLC": (("ISSUE", 9.8244), ("CORE_BUSY", 300.0), ("DATAIN", 10.0)),
    "PROGRAM_SLC": (("ISSUE", 9.82), ("CORE_BUSY", 300.0)),
    "PROGRAM_SUSPEND": (("ISSUE", 0.185), ("CORE_BUSY", 100.0)),
    "PROGRAM_RESUME": (("ISSUE", 0.185), ("CORE_BUSY", 150.0)),
}
SHARES = (0.01, 0.47, 0.24, 0.14, 0.14)
TIMELINE_HEADER = "start,end,die,plane,op_state,lane,op_name,duration\n"

TRACE_CASES, TRACE_ANTIBODIES, TRACE_STEPS = 2, 50, 100
ROWS_PER_REJECT = 100
PARTS = 4


@dataclass(frozen=True)
class Landed:
    """A kind that is landed: its name here, its table, how its files are named, and who writes their lines."""

    name: str
    table: str
    file_name: str
    lines: Callable[[int], Iterator[str]]


def write_file(kind: Landed, rows: int, folder: Path, *, with_rejects: bool = False) -> Path:
    """Write a file with that many rows, a hundredth of them broken where that is asked for; give its path."""
    file = folder / f"{rows}{'_with_rejects' * with_rejects}" / kind.file_name
    file.parent.mkdir(parents=True)
    lines = islice(kind.lines(rows), rows + 1)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(_broken(lines) if with_rejects else lines)
    return file


def write_parts(kind: Landed, rows: int, folder: Path) -> Path:
    """Write the rows of `write_file` in `PARTS` files, in their order; give the files' folder."""
    folder = folder / f"{rows}_in_parts"
    folder.mkdir(parents=True)
    lines = kind.lines(rows)
    header = next(lines)
    for number in range(PARTS):
        stem, _, run = kind.file_name.partition("0000001")
        name = f"{stem}000000{number}{run}" if run else f"{number}_{stem}"
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            stream.write(header)
            stream.writelines(islice(lines, rows * (number + 1) // PARTS - rows * number // PARTS))
    return folder


def _broken(lines: Iterable[str]) -> Iterator[str]:
    """Break every hundredth row: some have a word for their last number, some were cut off before it."""
    for number, line in enumerate(lines):
        if number % ROWS_PER_REJECT:
            yield line
        elif number == 0:
            yield line  # the header
        else:
            kept = line.rpartition(",")[0]
            yield kept + ("\n" if number // ROWS_PER_REJECT % 2 else ",soon\n")


def _timeline(rows: int) -> Iterator[str]:
    yield TIMELINE_HEADER
    random = np.random.default_rng(SEED)
    steps = np.array([len(states) for states in OPERATIONS.values()])
    takes_ticks = np.array([sum(takes for _, takes in states) / TICK_US for states in OPERATIONS.values()])
    operations = [[(f"{name}.{state}", name, takes) for state, takes in states] for name, states in OPERATIONS.items()]
    now, written = 0, 0
    while written < rows:
        chosen = random.choice(len(SHARES), OPERATIONS_PER_BLOCK, p=SHARES)
        gaps = random.integers(0, 40_000, OPERATIONS_PER_BLOCK)
        starts = now + np.cumsum(gaps + np.ceil(takes_ticks[chosen]).astype(np.int64))
        now = int(starts[-1]) + int(takes_ticks.max()) + 1
        starts_us = (starts * TICK_US).tolist()
        for number, (operation, start) in enumerate(zip(chosen.tolist(), starts_us, strict=True)):
            yield from _operation_lines(operations[operation], start, number % DIES)
        written += int(steps[chosen].sum()) * PLANES


def _operation_lines(states: list[tuple[str, str, float]], start: float, die: int) -> Iterator[str]:
    for op_state, op_name, takes in states:
        end = start + takes
        times, duration = f"{start!r},{end!r},{die}", f"{op_name},{end - start!r}\n"
        for plane in range(PLANES):
            yield f"{times},{plane},{op_state},d{die}-p{plane},{duration}"
        start = end


def _trace(rows: int) -> Iterator[str]:
    runs = -(-rows // (TRACE_CASES * TRACE_ANTIBODIES * TRACE_STEPS))
    size = Size(runs, TRACE_CASES, TRACE_ANTIBODIES, TRACE_STEPS)
    with tempfile.TemporaryDirectory() as folder:
        write_governed_runs(size, SEED, Path(folder))
        with (Path(folder) / TRACE).open(encoding="utf-8", newline="") as stream:
            yield from stream


KINDS = {
    kind.name: kind
    for kind in (
        Landed("nand", "nand_op_state_timeline", "op_state_timeline_261122_0000001.csv", _timeline),
        Landed("core", "core8_state_trace", TRACE, _trace),
    )
}
