"""The phase key at a moment: the rule of design section 5, for one (session, die, plane).

Data flow: segments of a plane's timeline and a time -> `<BASE>.<STATE>`, `<BASE>.END` or a default. The models
`op_state_spans` and `proposal_phase_keys` say the same in SQL; tests hold the two against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

TICK_US = 0.01
# From here on a double's own steps are a tick or more, so that ticks can no longer be told apart.
MAX_TICK = 2**53

DEFAULT = "DEFAULT"
END = "END"
ISSUE = "ISSUE"

Boundary = Literal["covering", "before"]
BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)


def tick(time_us: float) -> int:
    """Return the tick of a time in µs: a tick is 0.01 µs, and what lies half-way goes to the even one.

    Raises ValueError for a time that is not finite, or beyond `MAX_TICK` ticks.
    """
    ticks = time_us / TICK_US
    if not math.isfinite(ticks) or abs(ticks) > MAX_TICK:
        raise ValueError(f"`{time_us}` µs is not a time; expected a number of at most {MAX_TICK * TICK_US:.0f} µs")
    return round(ticks)


@dataclass(slots=True)
class Segment:
    """What a plane did from `start_us` until `end_us`; both ends also as ticks, by which everything is compared."""

    op_base: str
    state: str
    start_us: float
    end_us: float
    start_tick: int
    end_tick: int

    @property
    def key(self) -> str:
        """`<BASE>.<STATE>`."""
        return f"{self.op_base}.{self.state}"

    @property
    def end_key(self) -> str:
        """`<BASE>.END`: what holds when the segment is over and no other has begun. It is never a segment's own key."""
        return f"{self.op_base}.{END}"

    def has_ended_by(self, at_tick: int) -> bool:
        """Whether the segment is over at a tick; its end is not part of it."""
        return self.end_tick <= at_tick


def phase_key(
    current: Segment | None,
    previous: Segment | None,
    at_tick: int,
    *,
    default: str = DEFAULT,
    derive_end: bool = True,
    boundary: Boundary = "covering",
) -> str:
    """Return the phase key at a tick.

    `current` is the last-started segment at that tick and `previous` the one before it (None where there is none). With
    `derive_end` false, the default stands wherever the answer would be virtual. Raises ValueError for another boundary.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(f"the boundary is `{boundary}`, expected one of {', '.join(BOUNDARIES)}")
    if current is None:
        return default
    if current.has_ended_by(at_tick):
        return current.end_key if derive_end else default
    if boundary == "before":
        is_previous_over = previous is not None and previous.has_ended_by(at_tick)
        if current.state == ISSUE and not is_previous_over:
            return default
        if previous is not None and is_previous_over and (current.state == ISSUE or current.start_tick == at_tick):
            return previous.end_key if derive_end else default
    return current.key
