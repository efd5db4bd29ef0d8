"""The table of the phase-key rule (docs/explain.md), and which of its rows decides.

`afterstate.phase_key` gives the key; here is the reason, in words, for the same segments and tick. Tests hold the
two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterstate.phase_key import DEFAULT, ISSUE, Boundary, Segment


@dataclass(frozen=True)
class Row:
    """One row of the table: when it decides, and what each boundary answers then, in words."""

    number: int
    case: str
    covering: str
    before: str

    def answer(self, boundary: Boundary) -> str:
        """Return the answer under a boundary, in words."""
        return self.covering if boundary == "covering" else self.before


INSIDE = "<BASE>.<STATE> of the last-started segment"
TABLE = (
    Row(1, "no segment has started yet", DEFAULT, DEFAULT),
    Row(
        2,
        "the last-started segment has ended",
        "<BASE>.END of the last-started segment",
        "<BASE>.END of the last-started segment",
    ),
    Row(
        3,
        "inside the last-started segment, whose state is ISSUE",
        INSIDE,
        "<BASE>.END of the segment before it if that has ended, otherwise DEFAULT",
    ),
    Row(
        4,
        "the last-started segment starts just then, its state is not ISSUE, and the segment before it has ended",
        INSIDE,
        "<BASE>.END of the segment before it",
    ),
    Row(5, "otherwise inside the last-started segment", INSIDE, INSIDE),
)


def deciding_row(current: Segment | None, previous: Segment | None, at_tick: int) -> Row:
    """Return the row that decides at a tick, for the last-started segment and the one before it."""
    if current is None:
        return TABLE[0]
    if current.has_ended_by(at_tick):
        return TABLE[1]
    if current.state == ISSUE:
        return TABLE[2]
    if current.start_tick == at_tick and previous is not None and previous.has_ended_by(at_tick):
        return TABLE[3]
    return TABLE[4]


def key_by_row(row: Row, boundary: Boundary, current: Segment | None, previous: Segment | None, at_tick: int) -> str:
    """Return the key that a row's words mean for these segments."""
    words = row.answer(boundary)
    if words == INSIDE and current is not None:
        return current.key
    if words == TABLE[1].covering and current is not None:
        return current.end_key
    if previous is not None and previous.has_ended_by(at_tick):
        return previous.end_key
    return DEFAULT
