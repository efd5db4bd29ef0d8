"""Timelines and proposals for tests of the phase keys, and what the keys should be, told by looking at every segment.

A `Case` is one plane's timeline, stated by the runs of a session, with proposals at some of its times. Times are ticks
here; files have them in µs, with the noise that floats bring. `expected` follows the table of design section 5 line by
line, and is nobody's code but the tests'.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.loaders.helpers import fuzz

TIMELINE_HEADER = ("start", "end", "die", "plane", "op_state", "lane", "op_name", "duration")
PROPOSAL_HEADER = (
    "start_us",
    "end_us",
    "die",
    "plane",
    "op_name",
    "op_base",
    "op_uid",
    "phase_key",
    "phase_hook_die",
    "phase_hook_plane",
    "phase_key_time",
)
BASES = ("READ", "ERASE", "A.B")
STATES = ("ISSUE", "CORE_BUSY", "DATAIN")
PLANES_A_DIE = 4


@dataclass(frozen=True)
class Statement:
    """A segment as a run states it, in ticks; `run` is the place of the run in its session, `row` in its file."""

    start: int
    end: int
    base: str
    state: str
    run: int
    row: int = 0


@dataclass(frozen=True)
class Proposal:
    """A proposal at a tick, of a run; without its hook it has only its own die and plane."""

    at: int
    run: int
    has_hook: bool = True


@dataclass
class Case:
    """One plane: what its runs state of it, in the order of their files, and what was proposed."""

    statements: list[Statement]
    proposals: list[Proposal]
    noise: list[float] = field(default_factory=lambda: [0.0])


def segments_of(case: Case) -> list[Statement]:
    """Return the segments that hold: of those stated again, the latest statement, by (start, run, row)."""
    held: dict[tuple[int, str, str], Statement] = {}
    for row, statement in enumerate(case.statements):
        placed = Statement(statement.start, statement.end, statement.base, statement.state, statement.run, row)
        known = held.get((placed.start, placed.base, placed.state))
        if known is None or (placed.run, placed.row) > (known.run, known.row):
            held[placed.start, placed.base, placed.state] = placed
    return sorted(held.values(), key=lambda held_one: (held_one.start, held_one.run, held_one.row))


def expected(segments: Sequence[Statement], at: int) -> tuple[str, str, str | None]:
    """Return (covering, before, op_state) at a tick: the table of design section 5, read from top to bottom."""
    s = p = None
    for segment in segments:
        if segment.start <= at:
            s, p = segment, s
    if s is None:
        return "DEFAULT", "DEFAULT", None
    if at >= s.end:
        return f"{s.base}.END", f"{s.base}.END", None
    inside = f"{s.base}.{s.state}"
    p_has_ended = p is not None and p.end <= at
    if s.state == "ISSUE":
        return inside, f"{p.base}.END" if p is not None and p_has_ended else "DEFAULT", inside
    if s.start == at and p is not None and p_has_ended:
        return inside, f"{p.base}.END", inside
    return inside, inside, inside


def microseconds(tick: int, noise: float = 0.0) -> float:
    """Return a time in µs as a simulator's float arithmetic leaves it."""
    return tick / 100 + noise


def cases(max_run: int = 3) -> st.SearchStrategy[Case]:
    """Draw planes: overlaps, gaps, ties on start, segments of no length, restatements, and proposals around them."""
    runs = st.integers(1, max_run)
    statement = st.builds(
        lambda start, length, base, state, run: Statement(start, start + length, base, state, run),
        st.integers(0, 30),
        st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 40)),
        st.sampled_from(BASES),
        st.sampled_from(STATES),
        runs,
    )
    proposal = st.builds(Proposal, st.integers(-2, 60), runs, st.booleans())
    noise = st.sampled_from([0.0, 1e-12, -1e-12, 4e-10, -4e-10, 0.0049, -0.0049])
    return st.builds(
        Case,
        st.lists(statement, max_size=8),
        st.lists(proposal, min_size=1, max_size=6),
        st.lists(noise, min_size=1, max_size=5),
    )


def draw(count: int) -> list[Case]:
    """Let hypothesis draw planes; they are then landed together, since a build takes seconds."""
    drawn: list[Case] = []

    @fuzz(count)
    @given(cases())
    def collect(case: Case) -> None:
        drawn.append(case)

    collect()
    return drawn


def planes_to_draw(usually: int) -> int:
    """Return how many planes a test is to draw; AFTERSTATE_PHASE_KEY_CASES=10000 takes some minutes."""
    return int(os.environ.get("AFTERSTATE_PHASE_KEY_CASES", usually))


def by_session(planes: Sequence[Case], at_most: int) -> dict[str, list[Case]]:
    """Divide planes into sessions of at most that many."""
    starts = range(0, len(planes), at_most)
    return {f"session_{number}": list(planes[start : start + at_most]) for number, start in enumerate(starts)}


def place_of(number: int) -> tuple[int, int]:
    """Return the die and the plane of a session's n-th case, from 0."""
    return divmod(number, PLANES_A_DIE)


def write_session(folder: Path, planes: Sequence[Case], runs: int = 3) -> dict[int, list[Path]]:
    """Write a session's files, one case a plane, and give the paths of each run."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[int, list[Path]] = {}
    for run in range(1, runs + 1):
        timeline = folder / f"op_state_timeline_{run_id(run)}.csv"
        proposals = folder / f"proposal_rows_{run_id(run)}.csv"
        _write(timeline, TIMELINE_HEADER, _timeline_rows(planes, run))
        _write(proposals, PROPOSAL_HEADER, _proposal_rows(planes, run))
        files[run] = [timeline, proposals]
    return files


def run_id(run: int) -> str:
    """Return the name of a session's n-th run; names of unequal length are in order, too."""
    return f"261122_{run * 7}"


def proposals_of(planes: Sequence[Case], run: int) -> Iterator[tuple[int, Proposal]]:
    """Return a run's proposals in the order of its file, with the number of their case."""
    for number, case in enumerate(planes):
        for proposal in case.proposals:
            if proposal.run == run:
                yield number, proposal


def _timeline_rows(planes: Sequence[Case], run: int) -> Iterator[tuple[object, ...]]:
    for die, plane, case in ((*place_of(number), case) for number, case in enumerate(planes)):
        for number, s in enumerate(case.statements):
            if s.run == run:
                noise = case.noise[number % len(case.noise)]
                start, end = microseconds(s.start, noise), microseconds(s.end, noise)
                yield start, end, die, plane, f"{s.base}.{s.state}", f"d{die}-p{plane}", s.base, end - start


def _proposal_rows(planes: Sequence[Case], run: int) -> Iterator[tuple[object, ...]]:
    for number, (of_case, proposal) in enumerate(proposals_of(planes, run)):
        case = planes[of_case]
        die, plane = place_of(of_case)
        time = microseconds(proposal.at, case.noise[number % len(case.noise)])
        # with a hook, the operation's own place and time are others, and do not count
        if proposal.has_hook:
            yield time + 1000, time + 2000, 9, 9, "op", "OP", number, "USED.KEY", die, plane, time
        else:
            yield time, time + 2000, die, plane, "op", "OP", number, "", "", plane, ""


def _write(path: Path, header: Sequence[str], rows: Iterator[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows([repr(value) if isinstance(value, float) else value for value in row] for row in rows)
