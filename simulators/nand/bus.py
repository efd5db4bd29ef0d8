"""The bus of one channel: who uses it when. Nobody uses it beside anybody else. Times are ticks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Uses = Sequence[tuple[int, int]]  # (from, until) in ticks after the tick that they are laid at, ascending


class Bus:
    """The reserved uses, in their order; they never overlap, so starts and ends ascend together."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def earliest(self, at_tick: int, latest: int, uses: Uses) -> int | None:
        """Return the first tick from `at_tick` to `latest`, both included, at which uses fit in; None without one."""
        ends, starts = self.ends, self.starts
        while at_tick <= latest:
            for begin, until in uses:
                other = bisect_right(ends, at_tick + begin)
                if other < len(starts) and starts[other] < at_tick + until:
                    at_tick = ends[other] - begin
                    break
            else:
                return at_tick
        return None

    def reserve(self, at_tick: int, uses: Uses) -> None:
        """Reserve uses at a tick; `earliest` said that they fit."""
        for begin, until in uses:
            start = at_tick + begin
            at = len(self.starts) if not self.starts or self.starts[-1] < start else bisect_left(self.starts, start)
            self.starts.insert(at, start)
            self.ends.insert(at, at_tick + until)

    def release(self, starts: Iterable[int]) -> None:
        """Release the uses that begin at these ticks."""
        for start in starts:
            at = bisect_left(self.starts, start)
            del self.starts[at], self.ends[at]

    def forget_before(self, at_tick: int) -> None:
        """Forget uses that were over by a tick."""
        over = bisect_right(self.ends, at_tick)
        del self.starts[:over], self.ends[:over]
