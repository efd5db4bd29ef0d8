"""What every plane did, segment by segment, and what it was doing at a moment.

Segments of a plane are kept in the order of (start tick, arrival), with their starts beside them as the index of every
lookup. Overlaps, gaps and segments of no length are normal; the last-started segment holds (design section 5).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from simulators.nand.phase_key import DEFAULT, END, Boundary, Segment, phase_key, tick

TimelineRow = tuple[int, int, str, str, float, float]  # die, plane, op_base, state, start_us, end_us


class _Plane:
    """One plane's segments, and their starts in ticks; both lists go together."""

    __slots__ = ("segments", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.segments: list[Segment] = []

    def add(self, segment: Segment) -> None:
        start = segment.start_tick
        if not self.starts or self.starts[-1] < start:  # nearly always: a simulation goes forward
            self.starts.append(start)
            self.segments.append(segment)
            return
        first, after = bisect_left(self.starts, start), bisect_right(self.starts, start)
        for at in range(first, after):
            if self.segments[at].key == segment.key:  # stated again: the later statement holds
                del self.starts[at], self.segments[at]
                after -= 1
                break
        self.starts.insert(after, start)
        self.segments.insert(after, segment)

    def last_started(self, at_tick: int) -> tuple[Segment | None, Segment | None]:
        """Give the last-started segment at a tick and the one before it."""
        at = bisect_right(self.starts, at_tick) - 1
        return (self.segments[at] if at >= 0 else None), (self.segments[at - 1] if at >= 1 else None)


class StateTimeline:
    """The segments of all planes of one session; times are µs, as floats."""

    def __init__(self) -> None:
        self._planes: dict[tuple[int, int], _Plane] = {}

    def add(self, die: int, plane: int, op_base: str, state: str, start_us: float, end_us: float) -> None:
        """Add a segment. One with the same start tick, base and state is replaced: it has been stated again.

        Raises ValueError for times that are not finite, an end before the start, and the state END, which is virtual.
        """
        start_tick, end_tick = tick(start_us), tick(end_us)
        if end_tick < start_tick:
            raise ValueError(f"{op_base}.{state} ends at {end_us} µs, before its start at {start_us} µs")
        if state == END:
            raise ValueError(f"{op_base}.{END} is what holds after a segment, never a segment")
        segment = Segment(op_base, state, start_us, end_us, start_tick, end_tick)
        self._planes.setdefault((die, plane), _Plane()).add(segment)

    def last_started(self, die: int, plane: int, time_us: float) -> tuple[Segment | None, Segment | None]:
        """Give the last-started segment at a time and the one before it; None where there is none."""
        found = self._planes.get((die, plane))
        return found.last_started(tick(time_us)) if found else (None, None)

    def state_at(self, die: int, plane: int, time_us: float) -> str | None:
        """Give the `<BASE>.<STATE>` that a plane is in at a time, None when it is in none."""
        current, _ = self.last_started(die, plane, time_us)
        return None if current is None or current.has_ended_by(tick(time_us)) else current.key

    def phase_key_at(
        self,
        die: int,
        plane: int,
        time_us: float,
        default: str = DEFAULT,
        derive_end: bool = True,
        *,
        boundary: Boundary = "covering",
    ) -> str:
        """Give the phase key of a plane at a time (design section 5), in O(log segments)."""
        current, previous = self.last_started(die, plane, time_us)
        return phase_key(current, previous, tick(time_us), default=default, derive_end=derive_end, boundary=boundary)

    def truncate_after(self, die: int, plane: int, time_us: float) -> None:
        """End at a time what a plane is doing then, and forget what would have followed: the plane is suspended."""
        found = self._planes.get((die, plane))
        if found is None:
            return
        at_tick = tick(time_us)
        kept = bisect_left(found.starts, at_tick)
        del found.starts[kept:], found.segments[kept:]
        for segment in found.segments:
            if segment.end_tick > at_tick:
                segment.end_us, segment.end_tick = time_us, at_tick

    def rows(self) -> Iterator[TimelineRow]:
        """Give the segments as (die, plane, op_base, state, start_us, end_us), plane by plane, in their order."""
        for (die, plane), found in sorted(self._planes.items()):
            for segment in found.segments:
                yield die, plane, segment.op_base, segment.state, segment.start_us, segment.end_us
