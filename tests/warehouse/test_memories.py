"""Two memories made into one (`afterstate restore`), drawn by chance: what either side knows is there at the end."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afterstate.memory.memories import Memory, merge

NOW = dt.datetime(2026, 11, 26)
TIMES = st.integers(0, 3).map(lambda day: dt.datetime(2026, 1, 1 + day))
INPUTS = ("trace", "fallback", "reservation")


@st.composite
def memories(draw: st.DrawFn, has_ids: bool = True) -> Memory:
    """Draw a memory of a few shutdowns; ids and times are so few that two memories often meet."""
    ids = iter(draw(st.lists(st.integers(1, 9), unique=True, min_size=9, max_size=9)))
    snapshots, retakes = [], []
    for key in draw(st.lists(st.integers(1, 5), unique=True, max_size=5)):
        former = draw(st.integers(0, 1)) if has_ids else 0
        numbers = [next(ids) for _ in range(former + 1)] if has_ids else [None]
        if len(numbers) > 1:
            retaken = {"snapshot_id": numbers[0], "retaken_as": numbers[1], "reason": "x", "retaken_at": NOW}
            retakes.append({**_row(draw, key), **retaken, "retaken_by": "me"})
        snapshots.append({"id": numbers[-1], **_row(draw, key)})
        if key == 4:  # nine ids are enough for no more
            break
    return Memory(snapshots, retakes)


def _row(draw: st.DrawFn, key: int) -> dict[str, Any]:
    taken = {f"{name}_taken_at": draw(st.none() | TIMES) for name in INPUTS}
    place = {"run_id": f"run_{key}", "case_id": "c", "antibody_id": "a", "shutdown_step": key}
    return {"snapshot_rule_id": "v1", **place, "event_taken_at": draw(TIMES), **taken}


def meanings(memory: Memory) -> set[tuple[Any, ...]]:
    """Return which shutdowns a memory knows and since when, whatever their ids are."""
    rows = (*memory.snapshots, *memory.retakes)
    return {(row["run_id"], row["event_taken_at"]) for row in rows}


@given(memories(), memories())
def test_nothing_is_lost_and_no_id_is_given_twice(here: Memory, brought: Memory) -> None:
    """Prevents a restore that drops a snapshot of either side, or makes an id of the backup stand for another."""
    merged = merge(here, brought, NOW, "me").memory
    assert meanings(merged) == meanings(here) | meanings(brought)
    ids = [row["id"] for row in merged.snapshots] + [row["snapshot_id"] for row in merged.retakes]
    assert len(ids) == len(set(ids))
    for number, meaning in brought.meanings().items():
        assert merged.meanings()[number] == meaning
    keys = [row["run_id"] for row in merged.snapshots]
    assert len(keys) == len(set(keys))
    assert set(keys) == {row["run_id"] for side in (here, brought) for row in side.snapshots}


@given(memories(), memories())
def test_again_changes_nothing(here: Memory, brought: Memory) -> None:
    """Prevents a restore that was interrupted, or run twice, wearing out ids or filling the retakes."""
    once = merge(here, brought, NOW, "me").memory
    again = merge(once, brought, NOW, "me")
    assert again.renumbered == again.contested == 0
    assert {row["id"]: row for row in again.memory.snapshots} == {row["id"]: row for row in once.snapshots}
    assert {row["snapshot_id"]: row for row in again.memory.retakes} == {r["snapshot_id"]: r for r in once.retakes}


@given(memories(), memories(has_ids=False))
def test_snapshots_without_ids_get_some(here: Memory, brought: Memory) -> None:
    """Prevents the notebook's snapshots taking an id that is in use, or coming in twice."""
    once = merge(here, brought, NOW, "me").memory
    assert meanings(once) == meanings(here) | meanings(brought)
    assert merge(once, brought, NOW, "me").memory.meanings() == once.meanings()
