"""The timeline's index of ends, against scans of all segments."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.nand.state_timeline import StateTimeline, TimelineRow

TIMES = st.integers(0, 60)
SEGMENTS = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["ISSUE", "BUSY"]), TIMES, st.integers(0, 30))
)
STEPS = st.lists(st.tuples(SEGMENTS, TIMES), max_size=4)


def truncated(rows: list[TimelineRow], time_us: float) -> list[TimelineRow]:
    """Do what `truncate_after` promises, by a scan."""
    return [(*row[:5], min(row[5], time_us)) for row in rows if row[4] < time_us]


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_truncating_is_what_a_scan_does(steps: list[tuple[list[tuple[str, str, int, int]], int]]) -> None:
    """Prevents an index of ends that misses an earlier, longer segment that still runs, or one stated again."""
    timeline = StateTimeline()
    for segments, at in steps:
        for base, state, start, length in segments:
            timeline.add(0, 0, base, state, float(start), float(start + length))
        rows = list(timeline.rows())
        running = [row for row in rows if row[4] < at < row[5]]
        assert [segment.start_us for *_, segment in timeline.running_at(at * 100)] == [row[4] for row in running]
        timeline.truncate_after(0, 0, float(at))
        assert list(timeline.rows()) == truncated(rows, float(at))
        for asked in (at - 1, at, at + 1):
            open_starts = [row[4] for row in timeline.rows() if row[5] > asked]
            assert timeline.settled_until(asked * 100) == min(asked, *open_starts, asked) * 100


@settings(max_examples=200, deadline=None)
@given(SEGMENTS, TIMES, TIMES)
def test_forgetting_changes_no_later_answer(segments: list[tuple[str, str, int, int]], at: int, later: int) -> None:
    """Prevents a streaming export that forgets a segment which a phase key still needs."""
    whole, forgetful = StateTimeline(), StateTimeline()
    for timeline in (whole, forgetful):
        for base, state, start, length in segments:
            timeline.add_ticks(0, 0, base, state, start, start + length)
    forgetful.forget_before(at)
    time_us = (at + later) / 100
    for boundary in ("covering", "before"):
        asked = (
            whole.phase_key_at(0, 0, time_us, boundary=boundary),
            forgetful.phase_key_at(0, 0, time_us, boundary=boundary),
        )
        assert asked[0] == asked[1]
    assert whole.state_at(0, 0, time_us) == whole.state_at_tick(0, 0, at + later)
