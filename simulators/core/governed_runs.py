"""Governed antibody-design runs of any size: the rules of `sample_run`, for many series at once.

Data flow: counted draws -> proposals -> vetoes step by step, all series side by side -> windows -> scores, all as whole
numbers: SoMS in tenths, scores in millionths, so that nothing depends on the order of floating-point sums. The rules
and their constants are those of `sample_run`; cases beyond its two are governed under lower limits (`case_limit`).

Draws come from a Philox counter: (seed, run, antibody, step) alone decide them, whatever else is simulated. The one run
of samples/core has draws of its own and stays with `sample_run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from simulators.core.sample_run import (
    ACTION_BASE,
    BASELINE,
    FALLBACK_LEVELS,
    GOVERNED,
    RESERVATION_LEVELS,
    RESIDUAL_CENTRES,
    RESIDUAL_WIDTH,
    SOMS_LIMIT,
    STRAIN,
    STREAK_CAP,
    SWITCH_PROBABILITY,
    TOGGLE_WINDOW,
    WINDOW,
)

TENTHS, MILLIONTHS = 10, 1_000_000
LOWEST_LIMIT = 40  # tenths of SoMS
DRAWS_PER_STEP = 4  # one Philox counter
ACTIONS = tuple(ACTION_BASE)  # EXPLOIT, EXPLORE: a series begins with the first
ACCEPTING, WATCHING, REFUSING = range(3)
REFUSAL_STATES = ("ACCEPTING", "WATCHING", "REFUSING")
STAGES, STATUSES = ("NONE", *reversed(FALLBACK_LEVELS)), ("NONE", *reversed(RESERVATION_LEVELS))
PARTIAL_SEAL = STAGES.index("PARTIAL_SEAL")

Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Size:
    """How many of each; a series is an antibody in a case of a run."""

    runs: int = 1
    cases: int = 2
    antibodies: int = 3
    steps: int = 30

    @property
    def rows(self) -> int:
        """The rows of the trace, and of each file that follows it step by step."""
        return self.runs * self.cases * self.antibodies * self.steps


@dataclass(frozen=True)
class Proposals:
    """What is proposed, before anyone judges it; (step, series), residuals in millionths."""

    action: Ints  # index in ACTIONS
    soms: Ints  # tenths
    fallback_residual: Ints
    risk_residual: Ints


@dataclass(frozen=True)
class States:
    """What one case made of proposals; (step, series)."""

    soms: Ints  # tenths
    is_blocked: Flags
    refusal_state: Ints  # index in REFUSAL_STATES
    soms_window: Ints  # tenths, summed over WINDOW steps
    toggles: Ints  # of the last TOGGLE_WINDOW transitions
    blocked: Ints  # of the last WINDOW steps
    veto_streak: Ints


@dataclass(frozen=True)
class Scores:
    """What follows from states; (step, series), scores in millionths."""

    fallback: Ints
    stage: Ints  # index in STAGES
    half_fallback: Ints
    risk: Ints
    status: Ints  # index in STATUSES


def letters(number: int) -> str:
    """Return A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def case_name(case: int) -> str:
    """Return A_BASELINE, B_GOVERNED, C_GOVERNED, ..."""
    return BASELINE if case == 0 else GOVERNED if case == 1 else f"{letters(case)}_GOVERNED"


def case_limit(case: int) -> int:
    """Return the limit of a case's SoMS window in tenths: 8.0 in the first two, 0.1 lower in each that follows."""
    return max(round(SOMS_LIMIT * TENTHS) - max(case - 1, 0), LOWEST_LIMIT)


def draw_proposals(seed: int, first: int, count: int, size: Size) -> Proposals:
    """Follow rule 1 for `count` pairs of run and antibody; `first` is the number of the first, run by run, from 0.

    Every case is proposed the same. The arrays have the shape (`size.steps`, `count`).
    """
    draws = np.random.Philox(key=seed)
    draws.advance(first * size.steps)
    raw = draws.random_raw(count * size.steps * DRAWS_PER_STEP)
    uniform = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    uniform = uniform.reshape(count, size.steps, DRAWS_PER_STEP).transpose(2, 1, 0)
    action = (np.cumsum(uniform[0] < SWITCH_PROBABILITY, axis=0) % 2).astype(np.int32)
    base = np.array([round(soms * TENTHS) for soms in ACTION_BASE.values()], dtype=np.int32)
    strains = np.array([round(soms * TENTHS) for soms in STRAIN.values()], dtype=np.int32)
    strain = strains[(first + np.arange(count)) % size.antibodies % len(strains)]
    soms = base[action] + strain + (uniform[1] * 10).astype(np.int32)
    residuals = [
        np.rint((centre + (2 * share - 1) * RESIDUAL_WIDTH) * MILLIONTHS).astype(np.int32)
        for centre, share in zip(RESIDUAL_CENTRES, uniform[2:], strict=True)
    ]
    return Proposals(action, soms, residuals[0], residuals[1])


def judge_case(case: int, proposals: Proposals) -> States:
    """Apply rules 2 and 3 for one case, 0 being the baseline; the arrays have the shape of the proposals'."""
    limit, is_applied = case_limit(case), case > 0
    steps, series = proposals.soms.shape
    soms, vetoed = np.zeros((steps, series), np.int32), np.zeros((steps, series), np.bool_)
    carried = np.zeros(series, np.int32)  # SoMS of the WINDOW - 1 steps before
    for step in range(steps):
        proposed = proposals.soms[step]
        vetoed[step] = carried + proposed > limit
        soms[step] = np.where(vetoed[step], 0, proposed) if is_applied else proposed
        carried += soms[step]
        if step >= WINDOW - 1:
            carried -= soms[step - WINDOW + 1]
    blocked = vetoed if is_applied else np.zeros_like(vetoed)
    toggled = np.zeros_like(vetoed)
    toggled[1:] = proposals.action[1:] != proposals.action[:-1]
    at = np.arange(steps, dtype=np.int32)[:, None]
    last_quiet = np.maximum.accumulate(np.where(vetoed, -1, at), axis=0)
    vetoes_before = _summed(vetoed, WINDOW) - vetoed
    return States(
        soms,
        blocked,
        np.where(vetoed, REFUSING, np.where(vetoes_before > 0, WATCHING, ACCEPTING)).astype(np.int32),
        _summed(soms, WINDOW),
        _summed(toggled, TOGGLE_WINDOW),
        _summed(blocked, WINDOW),
        (at - last_quiet).astype(np.int32),
    )


def _summed(values: Ints | Flags, window: int) -> Ints:
    """Sum over a window that ends with each step; what was before the first step counts as nothing."""
    sums = np.cumsum(values, axis=0, dtype=np.int32)
    sums[window:] -= sums[:-window].copy()
    return sums


def score(states: States, proposals: Proposals) -> Scores:
    """Apply rules 4 and 5; the arrays have the shape of the states'.

    The mean of rule 4 is summed in twelfths of a millionth, a common denominator of its four shares: it is never
    half-way between two millionths, so that every rounding mode gives the same.
    """
    limit = round(SOMS_LIMIT * TENTHS)
    twelfths = (
        states.soms_window.astype(np.int64) * (3 * MILLIONTHS // limit)
        + np.minimum(states.veto_streak, STREAK_CAP) * (3 * MILLIONTHS // STREAK_CAP)
        + toggle_rates()[states.toggles] * 3
        + states.blocked * (3 * MILLIONTHS // WINDOW)
    )
    fallback = np.clip((twelfths + 6) // 12 + proposals.fallback_residual, 0, MILLIONTHS).astype(np.int32)
    half = _halves()[fallback]
    risk = np.clip(half + states.blocked * risk_of_a_block() + proposals.risk_residual, 0, MILLIONTHS).astype(np.int32)
    return Scores(fallback, _level(fallback, FALLBACK_LEVELS), half, risk, _level(risk, RESERVATION_LEVELS))


def toggle_rates() -> npt.NDArray[np.int64]:
    """Return the action_toggle_rate of each number of toggles, in millionths."""
    return np.array([round(count / TOGGLE_WINDOW * MILLIONTHS) for count in range(TOGGLE_WINDOW + 1)], dtype=np.int64)


def risk_of_a_block() -> int:
    """Return what one blocked step in the window adds to the risk score, in millionths."""
    return round(0.05 / WINDOW * MILLIONTHS)


@cache
def _halves() -> Ints:
    """Return half of each score, rounded as rule 5 does: by the decimal that the double stands for."""
    return np.array(
        [round(round(0.5 * (score / MILLIONTHS), 6) * MILLIONTHS) for score in range(MILLIONTHS + 1)], dtype=np.int32
    )


def _level(scores: Ints, levels: dict[str, float]) -> Ints:
    """Return how many levels a score reaches; 0 is NONE."""
    lowest = np.array(sorted(round(lowest * MILLIONTHS) for lowest in levels.values()))
    return np.searchsorted(lowest, scores, side="right").astype(np.int32)


def shutdown_steps(case: int, scores: Scores) -> Ints:
    """Apply rule 6: return each series' first step at PARTIAL_SEAL or above, from 0; -1 without one or a governor."""
    sealed = scores.stage >= PARTIAL_SEAL
    steps = np.where(sealed.any(axis=0), sealed.argmax(axis=0), -1).astype(np.int32)
    return steps if case > 0 else np.full_like(steps, -1)
