"""A million rows of both families, made from a seed: overlaps, ties, gaps, noisy floats, measures of any magnitude."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.warehouse.phase_key_cases import PROPOSAL_HEADER, TIMELINE_HEADER

BASES = ("READ", "ERASE", "PROGRAM_SLC", "CACHE_PROGRAM_SLC")
STATES = ("ISSUE", "CORE_BUSY", "DATAIN")
STAGES = ("NONE", "SOFT_LIMIT", "PARTIAL_SEAL", "FULL_SEAL")
KEY = ("run_id", "case_id", "antibody_id")


@dataclass(frozen=True)
class Amount:
    """How much of everything; `rows` tells how many rows that is."""

    sessions: int
    planes: int
    segments: int  # of a plane, in each of two runs
    proposals: int  # of a session, in each of two runs
    designs: int
    steps: int

    @property
    def rows(self) -> int:
        """All rows of all files, the events' few aside."""
        return 2 * self.sessions * (self.planes * self.segments + self.proposals) + 3 * self.designs * self.steps


MILLION = Amount(sessions=4, planes=16, segments=4_000, proposals=25_000, designs=400, steps=250)
HUNDRED_THOUSAND = Amount(sessions=2, planes=8, segments=2_000, proposals=4_000, designs=50, steps=150)
THOUSANDS = Amount(sessions=2, planes=4, segments=60, proposals=120, designs=6, steps=40)


def write_generated(folder: Path, amount: Amount, seed: int = 4) -> None:
    """Write the files of both families, as their producers name them."""
    for number in range(amount.sessions):
        _write_session(folder / f"chip_{number}", amount, random.Random(f"{seed} chip {number}"))
    _write_core(folder / "core", amount, random.Random(f"{seed} core"))


def _write_session(folder: Path, amount: Amount, dice: random.Random) -> None:
    clocks = [0] * amount.planes
    for run in ("261122_0000001", "261122_0000002"):
        segments = []
        for plane in range(amount.planes):
            for _ in range(amount.segments):
                clocks[plane] += dice.randint(0, 400)  # 0: two segments that start together
                start, end = clocks[plane], clocks[plane] + dice.randint(0, 300)
                base, state = dice.choice(BASES), dice.choice(STATES)
                place = (plane // 4, plane % 4)
                segments.append(
                    (_us(start, dice), _us(end, dice), *place, f"{base}.{state}", "lane", base, (end - start) / 100)
                )
        _write(folder / f"op_state_timeline_{run}.csv", TIMELINE_HEADER, sorted(segments))
        proposals = []
        for row in range(amount.proposals):
            at, plane = dice.randint(0, max(clocks)), dice.randrange(amount.planes)
            hook = (plane // 4, plane % 4) if row % 5 else ("", "")
            base = dice.choice(BASES)
            used = f"{dice.choice(BASES)}.{dice.choice((*STATES, 'END'))}"
            start, end = _us(at, dice), _us(at + 500, dice)
            proposals.append((start, end, plane // 4, plane % 4, f"Op_{base}_{row % 7}", base, row, used, *hook, start))
        _write(folder / f"proposal_rows_{run}.csv", PROPOSAL_HEADER, proposals)


def _us(tick: int, dice: random.Random) -> float:
    """Return a tick in µs, one in three with the noise of a sum of floats."""
    return tick / 100 + (1e-9 if dice.random() < 0.33 else 0.0)


def _write_core(folder: Path, amount: Amount, dice: random.Random) -> None:
    trace, fallback, reservation, events = [], [], [], []
    for design in range(amount.designs):
        # names that differ by case, by a trailing blank, and in no Latin letters
        antibody = ("antibody_{}", "Antibody_{}", "antibody_{} ", "항체_{}")[design % 4].format(design // 4)
        key = (f"run_{design % 3}", ("A_FREE", "B_GOVERNED")[design % 2], antibody)
        for step in range(amount.steps):
            trace.append((*key, step, _measure(dice), dice.random(), dice.random() / 3, dice.randint(0, 9)))
            fallback.append((*key, step, dice.choice(STAGES), f"REASON_{step % 11}", dice.random()))
            reservation.append((*key, step, "NONE", "REASON_WITHIN_BOUNDS", _measure(dice)))
        if design % 2:
            # the event's own copy of the stage, which may be another than the log's
            events.append((*key, dice.randrange(amount.steps), "CORE8_PARTIAL_SEAL", dice.choice(STAGES)))
    measures = ("SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak")
    _write(folder / "core8_03_refusal_state_trace_counterfactual.csv", (*KEY, "step", *measures), trace)
    stages = ("fallback_stage", "fallback_reason_code", "fallback_score")
    _write(folder / "core8_06_fallback_decisions.csv", (*KEY, "step", *stages), fallback)
    reserved = ("reservation_status", "reservation_reason_code", "risk_score_total")
    _write(folder / "core9_04_reservation_log.csv", (*KEY, "step", *reserved), reservation)
    triggers = (*KEY, "shutdown_step", "shutdown_trigger_final", "fallback_stage")
    _write(folder / "core10_01_shutdown_events.csv", triggers, events)


def _measure(dice: random.Random) -> float:
    """Return a double of any sign and magnitude, with all its digits."""
    return dice.uniform(-1, 1) * 10.0 ** dice.randint(-12, 12)


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
