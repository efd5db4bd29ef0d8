"""How values of governed runs are spelled in files: tables of texts, made once, since most values are one of few."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from simulators.core import governed_runs as rules
from simulators.core.governed_runs import MILLIONTHS, TENTHS
from simulators.core.sample_run import WINDOW, as_text

LOWEST_RESIDUAL, HIGHEST_RESIDUAL = -10_000, 10_000  # millionths; centre and width of `sample_run` stay inside
MOST_SOMS = 20  # tenths in one step


def _texts(texts: Iterator[str]) -> npt.NDArray[np.object_]:
    return np.array(list(texts), dtype=object)


@cache
def tenths() -> npt.NDArray[np.object_]:
    """Return numbers in tenths, from 0 up to what a window can hold."""
    return _texts(as_text(number / TENTHS) for number in range(MOST_SOMS * WINDOW + 1))


@cache
def millionths() -> npt.NDArray[np.object_]:
    """Return numbers in millionths, from 0 to 1."""
    return _texts(as_text(number / MILLIONTHS) for number in range(MILLIONTHS + 1))


@cache
def residuals() -> npt.NDArray[np.object_]:
    """Return residuals in millionths, from the lowest up."""
    return _texts(as_text(number / MILLIONTHS) for number in range(LOWEST_RESIDUAL, HIGHEST_RESIDUAL + 1))


@cache
def judged(names: tuple[str, ...]) -> npt.NDArray[np.object_]:
    """Return a stage or status with its reason code."""
    return _texts(
        f"{name},REASON_WITHIN_BOUNDS" if name == "NONE" else f"{name},REASON_{name}_THRESHOLD" for name in names
    )


@cache
def step_texts() -> npt.NDArray[np.object_]:
    """Return proposed_action to refusal_state, by proposed SoMS, action, whether it was blocked, and refusal state."""
    return _texts(
        f"{action},{'HOLD' if blocked else action},{soms / TENTHS},"
        f"{0.0 if blocked else soms / TENTHS},{blocked},{refusal}"
        for soms, action, blocked, refusal in product(range(MOST_SOMS + 1), rules.ACTIONS, (0, 1), rules.REFUSAL_STATES)
    )


@cache
def window_texts() -> npt.NDArray[np.object_]:
    """Return SoMS_cumsum_window, action_toggle_rate and blocked_rate_window, by their numerators."""
    toggle_rates = [as_text(rate / MILLIONTHS) for rate in rules.toggle_rates().tolist()]
    return _texts(
        f"{soms / TENTHS},{toggles},{blocked / WINDOW}"
        for soms, toggles, blocked in product(range(MOST_SOMS * WINDOW + 1), toggle_rates, range(WINDOW + 1))
    )
