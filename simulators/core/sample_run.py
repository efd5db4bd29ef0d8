"""Write the four core CSVs of one small governed antibody-design run: 2 cases x 3 antibodies x 30 steps.

Data flow: seeded draws -> state trace -> fallback decisions -> reservation log -> shutdown events. The cases share
their draws: A_BASELINE is B_GOVERNED's counterfactual. SoMS is the run's stress score, in steps of 0.1, without unit.
The rules are the same for every row. Windows end at the row's own step; steps before the run count as quiet.

1. The agent proposes EXPLORE or EXPLOIT, switching at random, with an increment `ACTION_BASE` + `STRAIN` + 0.0..0.9.
2. The governor vetoes what would lift the SoMS sum of 10 steps above 8.0. In B_GOVERNED a veto is applied: the proposal
   is blocked, HOLD is executed, the step adds 0.0. In A_BASELINE it is only recorded.
3. SoMS_cumsum_window: SoMS summed over 10 steps. action_toggle_rate: share of 6 transitions that changed the proposed
   action. blocked_rate_window: share of 10 steps blocked. veto_streak: vetoes in a row.
4. fallback_score: the mean of SoMS_cumsum_window / 8.0, action_toggle_rate, blocked_rate_window and
   min(veto_streak, 3) / 3, plus a residual, kept in [0, 1]. `FALLBACK_LEVELS` turns it into a stage.
5. risk_score_total: 0.5 fallback_score + 0.05 blocked_rate_window + a residual, in [0, 1]; likewise a status.
6. In B_GOVERNED a series' first step at PARTIAL_SEAL or above shuts its design down. Operation goes on unchanged.

Simulated: every draw, so every other row is made up. Calibrated to the one published row, (B_GOVERNED, antibody_C, 21):
the constants, picked to be round; `SEED`, the first from 0 whose run has that row's trace values and that event alone;
`RESIDUAL_CENTRES`, which set the last digits of its scores and move every row alike. Other seeds give other events.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from simulators.whole_files import WholeFiles

SEED, RUN_ID, STEPS = 73, "core7_04_1767776352", 30
BASELINE, GOVERNED = "A_BASELINE", "B_GOVERNED"
SWITCH_PROBABILITY = 0.3
ACTION_BASE = {"EXPLOIT": 0.1, "EXPLORE": 0.3}  # SoMS
STRAIN = {"antibody_A": 0.0, "antibody_B": 0.1, "antibody_C": 0.2}  # SoMS
WINDOW, TOGGLE_WINDOW = 10, 6  # steps, transitions
SOMS_LIMIT, STREAK_CAP = 8.0, 3  # SoMS in one window, vetoes
RESIDUAL_CENTRES, RESIDUAL_WIDTH = (0.003414, -0.002845), 0.005  # fallback and risk score, either side of a centre
FALLBACK_LEVELS = {"FULL_SEAL": 0.60, "PARTIAL_SEAL": 0.40, "SOFT_LIMIT": 0.30}  # lowest score, highest level first
RESERVATION_LEVELS = {"RESERVED": 0.30, "HOLD": 0.25}
TRACE = "core8_03_refusal_state_trace_counterfactual.csv"
FALLBACK = "core8_06_fallback_decisions.csv"
RESERVATION = "core9_04_reservation_log.csv"
EVENTS = "core10_01_shutdown_events.csv"
EVENT_HEADER = (
    "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final,fallback_stage,fallback_reason_code,"
    "fallback_score,reservation_status,reservation_reason_code,risk_score_total"
)
Row = dict[str, Any]  # column -> value, in the file's order


@dataclass(frozen=True)
class Proposal:
    """The draws of one step, before anyone judges them: SoMS, and residuals in units of the scores."""

    action: str
    soms: float
    fallback_residual: float
    risk_residual: float


@dataclass(frozen=True)
class State:
    """What one step proposed, judged and did, and the windows that end with it: the trace's columns after the key."""

    proposed_action: str
    executed_action: str
    proposed_SoMS: float  # noqa: N815 - the producer spells its columns so
    SoMS: float
    is_blocked: bool
    refusal_state: str
    SoMS_cumsum_window: float
    action_toggle_rate: float
    blocked_rate_window: float
    veto_streak: int


def draw_proposals(seed: int, antibody_id: str) -> list[Proposal]:
    """Follow rule 1: one antibody's STEPS proposals, from `random()` alone, whose values no Python version changes."""
    rng = random.Random(f"{seed}/{antibody_id}")  # noqa: S311 - to be reproduced, not to be secret
    action, proposals = "EXPLOIT", []
    for _ in range(STEPS):
        if rng.random() < SWITCH_PROBABILITY:
            action = "EXPLORE" if action == "EXPLOIT" else "EXPLOIT"
        soms = round(ACTION_BASE[action] + STRAIN[antibody_id] + int(rng.random() * 10) / 10, 1)
        residuals = [round(centre + (2 * rng.random() - 1) * RESIDUAL_WIDTH, 6) for centre in RESIDUAL_CENTRES]
        proposals.append(Proposal(action, soms, *residuals))
    return proposals


def next_state(case_id: str, past: Sequence[State], proposal: Proposal) -> State:
    """Apply rules 2 and 3 to the step after `past`. `fsum`, since `sum` of floats changed in Python 3.12."""
    window = past[-(WINDOW - 1) :]
    carried = math.fsum(state.SoMS for state in window)
    is_vetoed = round(carried + proposal.soms, 6) > SOMS_LIMIT
    is_blocked = is_vetoed and case_id == GOVERNED
    soms = 0.0 if is_blocked else proposal.soms
    actions = [*(state.proposed_action for state in past[-TOGGLE_WINDOW:]), proposal.action]
    unless_vetoed = "WATCHING" if any(state.veto_streak for state in window) else "ACCEPTING"
    return State(
        proposed_action=proposal.action,
        executed_action="HOLD" if is_blocked else proposal.action,
        proposed_SoMS=proposal.soms,
        SoMS=soms,
        is_blocked=is_blocked,
        refusal_state="REFUSING" if is_vetoed else unless_vetoed,
        SoMS_cumsum_window=round(carried + soms, 6),
        action_toggle_rate=round(sum(a != b for a, b in pairwise(actions)) / TOGGLE_WINDOW, 6),
        blocked_rate_window=(sum(state.is_blocked for state in window) + is_blocked) / WINDOW,
        veto_streak=(past[-1].veto_streak if past else 0) + 1 if is_vetoed else 0,
    )


def judge(columns: Sequence[str], levels: Mapping[str, float], *parts: float) -> Row:
    """Sum `parts` to a score in [0, 1]; return the highest level it reaches, the reason code and the score.

    `columns` are the names of these three; `levels` have the least score of each level, the highest first.
    """
    score = min(max(round(math.fsum(parts), 6), 0.0), 1.0)
    name = next((name for name, lowest in levels.items() if score >= lowest), "NONE")
    reason = "REASON_WITHIN_BOUNDS" if name == "NONE" else f"REASON_{name}_THRESHOLD"
    return dict(zip(columns, (name, reason, score), strict=True))


def decide_fallback(state: State, residual: float) -> Row:
    """Apply rule 4: the fallback file's columns after the key; the first two are carried along from the trace."""
    row = {"SoMS_cumsum_window": state.SoMS_cumsum_window, "veto_streak": state.veto_streak}
    shares = state.SoMS_cumsum_window / SOMS_LIMIT, min(state.veto_streak, STREAK_CAP) / STREAK_CAP
    mean = math.fsum((*shares, state.action_toggle_rate, state.blocked_rate_window)) / 4
    columns = "fallback_stage", "fallback_reason_code", "fallback_score"
    return row | {"fallback_residual": residual} | judge(columns, FALLBACK_LEVELS, mean, residual)


def decide_reservation(state: State, fallback: Row, residual: float) -> Row:
    """Apply rule 5: the reservation file's columns after the key; the stage is carried along."""
    risk = {"risk_score_fallback": round(0.5 * fallback["fallback_score"], 6)}
    risk |= {"risk_score_blocked": round(0.05 * state.blocked_rate_window, 6), "risk_score_residual": residual}
    columns = "reservation_status", "reservation_reason_code", "risk_score_total"
    return {"fallback_stage": fallback["fallback_stage"]} | risk | judge(columns, RESERVATION_LEVELS, *risk.values())


def shutdown_events(fallbacks: Sequence[Row], reservations: Sequence[Row]) -> list[Row]:
    """Apply rule 6: at most one event a series, its first."""
    events: dict[str, Row] = {}
    for row in (fallback | reservation for fallback, reservation in zip(fallbacks, reservations, strict=True)):
        if row["case_id"] == GOVERNED and row["fallback_stage"] in ("PARTIAL_SEAL", "FULL_SEAL"):
            row |= {"shutdown_step": row["step"], "shutdown_trigger_final": f"CORE8_{row['fallback_stage']}"}
            events.setdefault(row["antibody_id"], {column: row[column] for column in EVENT_HEADER.split(",")})
    return list(events.values())


def simulate(seed: int = SEED) -> dict[str, list[Row]]:
    """Return the rows of each file by its name: 6 series x STEPS rows in three of them, and the events."""
    files: dict[str, list[Row]] = {TRACE: [], FALLBACK: [], RESERVATION: []}
    for case_id, antibody_id in product((BASELINE, GOVERNED), STRAIN):
        past: list[State] = []
        for step, proposal in enumerate(draw_proposals(seed, antibody_id)):
            past.append(state := next_state(case_id, past, proposal))
            fallback = decide_fallback(state, proposal.fallback_residual)
            reservation = decide_reservation(state, fallback, proposal.risk_residual)
            key = {"run_id": RUN_ID, "case_id": case_id, "antibody_id": antibody_id, "step": step}
            for name, columns in zip(files, (asdict(state), fallback, reservation), strict=True):
                files[name].append(key | columns)
    return files | {EVENTS: shutdown_events(files[FALLBACK], files[RESERVATION])}


def as_text(value: str | int | float) -> str:
    """Serialize a CSV field: booleans as 0 and 1, floats with 1 to 6 decimals and no exponent."""
    if not isinstance(value, float):
        return str(int(value) if isinstance(value, bool) else value)
    text = f"{value:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def write(out: Path, seed: int = SEED) -> list[Path]:
    """Write the four files into the folder `out`, made when missing, and return their paths."""
    with WholeFiles(out) as files:
        for name, rows in simulate(seed).items():
            writer = csv.writer(files.open(name), lineterminator="\n")
            writer.writerow(EVENT_HEADER.split(",") if name == EVENTS else rows[0])
            writer.writerows([as_text(value) for value in row.values()] for row in rows)
    return files.files


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    example = "example: python -m simulators.core.sample_run --out samples/core"
    parser = argparse.ArgumentParser(description="Write one small governed run as four CSVs.", epilog=example)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into, made when missing")
    parser.add_argument("--seed", type=int, default=SEED, help="draws; %(default)s is the published row's run")
    arguments = parser.parse_args(argv)
    print(*write(arguments.out, arguments.seed), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
