"""The files that are built from: a session of four runs and one more of 1 %, or core runs and 1 % more of them.

The timeline is `benchmarks.landing.files`'s, cut into runs. Each run repeats the tail of the one before, whose
last segments were cut short, as a simulator's runs do; proposals fall on starts of segments and anywhere between.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.landing.files import DIES, KINDS, OPERATIONS, PLANES, SEED, TICK_US
from simulators.core.governed_files import write_governed_runs
from simulators.core.governed_runs import Size

SESSION = "session"
RUNS = 4
SEGMENTS_PER_PROPOSAL = 4
NEW_SHARE = 100  # one more run has a hundredth of the rows
RESTATED, CUT = 64, 4  # segments that a run repeats, and those of them that had been longer
CUT_US = 50.0
CASES, ANTIBODIES, STEPS = 2, 50, 100
PROPOSAL_HEADER = (
    "start_us,end_us,die,plane,block,page,op_name,op_base,source,op_uid,phase_key,phase_hook_die,phase_hook_plane,"
    "phase_hook_label,phase_key_time,celltype_hint,inherit_hints\n"
)


@dataclass(frozen=True)
class Files:
    """Two folders: what is landed first, and what comes later."""

    first: Path
    later: Path
    rows: int


def write_session(rows: int, folder: Path) -> Files:
    """Write a session of that many segments and a quarter as many proposals, and one more run."""
    files = _folders(folder, SESSION, rows)
    new = max(rows // NEW_SHARE, RESTATED)
    ends = [rows * number // RUNS for number in range(1, RUNS + 1)] + [rows + new]
    lines = KINDS["nand"].lines(rows + new)
    header, written = next(lines), 0
    tail: deque[str] = deque(maxlen=RESTATED)
    for number, end in enumerate(ends):
        place = files.first if number < RUNS else files.later
        name = f"261122_{number + 1:07d}.csv"
        starts: list[float] = []
        with (place / f"op_state_timeline_{name}").open("w", encoding="utf-8", newline="") as stream:
            stream.write(header)
            stream.writelines(tail)
            for at, line in enumerate(islice(lines, end - written), 1):
                tail.append(line)
                starts.append(float(line.partition(",")[0]))
                stream.write(_longer(line) if at > end - written - CUT else line)
        count = (end - written) // SEGMENTS_PER_PROPOSAL
        _write_proposals(place / f"proposal_rows_{name}", count, np.array(starts), number)
        written = end
    return files


def write_core(rows: int, folder: Path) -> Files:
    """Write core runs of about that many rows of each kind, and one more of a hundredth."""
    files = _folders(folder, "core", rows)
    write_governed_runs(_size(rows), SEED, files.first)
    write_governed_runs(_size(rows // NEW_SHARE), SEED + 1, files.later)
    return files


def _size(rows: int) -> Size:
    series = max(rows // (CASES * STEPS), 1)
    return Size(max(series // ANTIBODIES, 1), CASES, min(series, ANTIBODIES), STEPS)


def _folders(folder: Path, name: str, rows: int) -> Files:
    files = Files(folder / str(rows) / "first" / name, folder / str(rows) / "later" / name, rows)
    files.first.mkdir(parents=True)
    files.later.mkdir(parents=True)
    return files


def _longer(line: str) -> str:
    """Make a segment end later than the next run will say."""
    start, end, rest = line.split(",", 2)
    return f"{start},{float(end) + CUT_US!r},{rest}"


def _write_proposals(file: Path, count: int, starts: npt.NDArray[np.float64], seed: int) -> None:
    random = np.random.default_rng([SEED, seed])
    between = np.round(random.uniform(starts[0], starts[-1], count) / TICK_US) * TICK_US
    times = np.sort(np.where(random.random(count) < 0.5, random.choice(starts, count), between)).tolist()
    dies, planes = (random.integers(0, most, count).tolist() for most in (DIES, PLANES))
    keys = [f"{name}.{state}" for name, states in OPERATIONS.items() for state, _ in states] + [""]
    chosen, bare = random.integers(0, len(keys), count).tolist(), (random.random(count) < 0.05).tolist()
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(PROPOSAL_HEADER)
        for number in range(count):
            place, time = f"{dies[number]},{planes[number]}", times[number]
            hook = ",,," if bare[number] else f"{place},DEFAULT,{time!r}"
            operation = f"Page_Program_SLC,PROGRAM_SLC,,{number + 1}"
            stream.write(f"{time!r},{time + 300!r},{place},1,2,{operation},{keys[chosen[number]]},{hook},,\n")
