"""The state of the planes, as a scheduler and its proposer ask for it."""

from __future__ import annotations

from typing import Any

from simulators.nand.phase_key import DEFAULT, Boundary
from simulators.nand.state_timeline import StateTimeline


class ResourceManager:
    """Keeps what every plane of one session does; one resource manager lives through all runs of its session."""

    def __init__(self) -> None:
        self.timeline = StateTimeline()

    def op_state(self, die: int, plane: int, t: float) -> str | None:
        """Give the `<BASE>.<STATE>` that a plane is in at `t` µs, None when it is in none."""
        return self.timeline.state_at(die, plane, t)

    def phase_key_at(
        self,
        die: int,
        plane: int,
        t: float,
        default: str = DEFAULT,
        derive_end: bool = True,
        *,
        boundary: Boundary = "covering",
    ) -> str:
        """Give the phase key of a plane at `t` µs (design section 5).

        It is the plane's `<BASE>.<STATE>`; after a segment and before the next, `<BASE>.END` of the one that is over
        (with `derive_end`, else `default`); before any segment, `default`. With the boundary `before` it is what held
        just before `t`, so that an operation that starts at its own proposal does not see itself. Raises ValueError for
        a time that is not finite and for an unknown boundary.
        """
        return self.timeline.phase_key_at(die, plane, t, default, derive_end, boundary=boundary)

    def snapshot(self) -> dict[str, Any]:
        """Give the timeline so far: `timeline` is a list of (die, plane, op_base, state, start_us, end_us)."""
        return {"timeline": list(self.timeline.rows())}
