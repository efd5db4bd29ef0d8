"""What every plane did, segment by segment, and what it was doing at a moment.

Segments of a plane are kept in the order of (start tick, arrival), with their starts beside them as the index of every
lookup. Overlaps, gaps and segments of no length are normal; the last-started segment holds (design section 5).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from afterstate.phase_key import DEFAULT, END, Boundary, Segment, phase_key, tick

TICKS_PER_US = 100
TimelineRow = tuple[int, int, str, str, float, float]  # die, plane, op_base, state, start_us, end_us
Started = tuple[int, int, int, Segment]  # start tick, die, plane, segment


class _Plane:
    """One plane's segments, their starts, and the latest end up to each, in ticks; the lists go together."""

    __slots__ = ("latest_ends", "segments", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.segments: list[Segment] = []
        self.latest_ends: list[int] = []

    def add(self, segment: Segment) -> None:
        start, end = segment.start_tick, segment.end_tick
        if not self.starts or self.starts[-1] < start:  # nearly always: a simulation goes forward
            latest = self.latest_ends[-1] if self.latest_ends else end
            self.starts.append(start)
            self.segments.append(segment)
            self.latest_ends.append(end if end > latest else latest)
            return
        first, after = bisect_left(self.starts, start), bisect_right(self.starts, start)
        for at in range(first, after):
            if self.segments[at].key == segment.key:  # stated again: the later statement holds
                del self.starts[at], self.segments[at]
                after -= 1
                break
        self.starts.insert(after, start)
        self.segments.insert(after, segment)
        self._find_latest_ends(first)

    def last_started(self, at_tick: int) -> tuple[Segment | None, Segment | None]:
        """Return the last-started segment at a tick and the one before it."""
        at = bisect_right(self.starts, at_tick) - 1
        return (self.segments[at] if at >= 0 else None), (self.segments[at - 1] if at >= 1 else None)

    def first_open(self, at_tick: int) -> int:
        """Return the position from which on segments may end after a tick: all before it are over by then."""
        return bisect_right(self.latest_ends, at_tick)

    def truncate_after(self, at_tick: int, time_us: float) -> None:
        kept = bisect_left(self.starts, at_tick)
        del self.starts[kept:], self.segments[kept:], self.latest_ends[kept:]
        first = self.first_open(at_tick)
        for segment in self.segments[first:]:
            if segment.end_tick > at_tick:
                segment.end_us, segment.end_tick = time_us, at_tick
        self._find_latest_ends(first)

    def forget(self, count: int) -> None:
        del self.starts[:count], self.segments[:count], self.latest_ends[:count]

    def _find_latest_ends(self, first: int) -> None:
        del self.latest_ends[first:]
        for segment in self.segments[first:]:
            before = self.latest_ends[-1] if self.latest_ends else segment.end_tick
            self.latest_ends.append(max(before, segment.end_tick))


class StateTimeline:
    """The segments of all planes of one session; times are µs, as floats, where a name does not say ticks."""

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

    def add_ticks(self, die: int, plane: int, op_base: str, state: str, start_tick: int, end_tick: int) -> None:
        """Add a segment whose times are ticks and whose state has been checked: a simulator's own."""
        segment = Segment(op_base, state, start_tick / TICKS_PER_US, end_tick / TICKS_PER_US, start_tick, end_tick)
        found = self._planes.get((die, plane))
        if found is None:
            found = self._planes[die, plane] = _Plane()
        found.add(segment)

    def last_started(self, die: int, plane: int, time_us: float) -> tuple[Segment | None, Segment | None]:
        """Return the last-started segment at a time and the one before it; None where there is none."""
        found = self._planes.get((die, plane))
        return found.last_started(tick(time_us)) if found else (None, None)

    def state_at(self, die: int, plane: int, time_us: float) -> str | None:
        """Return the `<BASE>.<STATE>` that a plane is in at a time, None when it is in none."""
        current, _ = self.last_started(die, plane, time_us)
        return None if current is None or current.has_ended_by(tick(time_us)) else current.key

    def state_at_tick(self, die: int, plane: int, at_tick: int) -> str | None:
        """Return what `state_at` returns, for a time in ticks."""
        found = self._planes.get((die, plane))
        current = found.last_started(at_tick)[0] if found else None
        return None if current is None or current.end_tick <= at_tick else current.key

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
        """Return the phase key of a plane at a time (design section 5), in O(log segments)."""
        current, previous = self.last_started(die, plane, time_us)
        return phase_key(current, previous, tick(time_us), default=default, derive_end=derive_end, boundary=boundary)

    def truncate_after(self, die: int, plane: int, time_us: float) -> None:
        """End at a time what a plane is doing then, and forget what would have followed: the plane is suspended."""
        found = self._planes.get((die, plane))
        if found is not None:
            found.truncate_after(tick(time_us), time_us)

    def rows(self) -> Iterator[TimelineRow]:
        """Return the segments as (die, plane, op_base, state, start_us, end_us), plane by plane, in their order."""
        for (die, plane), found in sorted(self._planes.items()):
            for segment in found.segments:
                yield die, plane, segment.op_base, segment.state, segment.start_us, segment.end_us

    def started_between(self, from_tick: int, until_tick: int) -> list[Started]:
        """Return the segments that start from a tick on and before another, in the order of (start, die, plane)."""
        started: list[Started] = []
        for (die, plane), found in self._planes.items():
            first, last = bisect_left(found.starts, from_tick), bisect_left(found.starts, until_tick)
            started.extend((segment.start_tick, die, plane, segment) for segment in found.segments[first:last])
        return sorted(started, key=lambda row: row[:3])

    def running_at(self, at_tick: int) -> list[Started]:
        """Return the segments that started before a tick and end after it, in the order of (start, die, plane)."""
        running = []
        for (die, plane), found in self._planes.items():
            for segment in found.segments[found.first_open(at_tick) : bisect_left(found.starts, at_tick)]:
                if segment.end_tick > at_tick:
                    running.append((segment.start_tick, die, plane, segment))
        return sorted(running, key=lambda row: row[:3])

    def settled_until(self, at_tick: int) -> int:
        """Return the tick before which no segment starts that could still change at `at_tick`, when truncated then."""
        starts = [at_tick]
        for found in self._planes.values():
            first = found.first_open(at_tick)
            if first < len(found.starts):
                starts.append(found.starts[first])
        return min(starts)

    def forget_before(self, at_tick: int) -> None:
        """Forget what no lookup at `at_tick` or later can see: all but the last two segments started by then."""
        for found in self._planes.values():
            seen = bisect_right(found.starts, at_tick) - 2
            if seen > 0:
                found.forget(seen)
