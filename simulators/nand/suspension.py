"""Work that a suspend has cut: what is left of it, from the cut, until a resume lays it out again. Times are ticks.

All that runs on a die of one family is suspended together, with what was reserved behind it, and keeps its relative
times: so what did not meet on the bus before does not meet after the resume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulators.nand.bus import Uses
from simulators.nand.operations import Operation, Piece


@dataclass(frozen=True, slots=True)
class Work:
    """An operation and the pieces that it still has to do, as ticks from the cut."""

    operation: Operation
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Suspension:
    """The suspended work of a die, since when, and the bus uses in it."""

    family: str
    since_tick: int
    works: tuple[Work, ...]
    bus_uses: Uses


def find_work(work: Sequence[Sequence[Operation]], family: str, now: int, at_tick: int) -> list[Operation]:
    """Return the operations that a suspend at a tick would cut: all that a die's planes do then, or have reserved.

    `work` is what each plane has, in its order. Returns none when nothing has begun by `now`, or when any plane is in a
    state that cannot be suspended, or has work of another family.
    """
    found: dict[int, Operation] = {}
    for operations in work:
        pending = [operation for operation in operations if operation.last_tick > at_tick]
        if pending and not (pending[0].first_tick < now and _is_suspendable(pending[0], at_tick)):
            return []
        if any(operation.op.base.family != family for operation in pending):
            return []
        found.update((id(operation), operation) for operation in pending)
    return sorted(found.values(), key=lambda operation: operation.first_tick)


def _is_suspendable(operation: Operation, at_tick: int) -> bool:
    return any(state.is_suspendable and start < at_tick < end for state, start, end in operation.pieces)


def cut(operations: Sequence[Operation], family: str, at_tick: int) -> Suspension:
    """Remove from the operations what they would do from a tick on, and keep it."""
    works = []
    for operation in operations:
        left = tuple(
            (state, max(start - at_tick, 0), end - at_tick) for state, start, end in operation.pieces if end > at_tick
        )
        operation.pieces = [
            (state, start, min(end, at_tick)) for state, start, end in operation.pieces if start < at_tick
        ]
        operation.epoch += 1
        works.append(Work(operation, left))
    bus_uses = sorted((start, end) for work in works for state, start, end in work.pieces if state.uses_bus)
    return Suspension(family, at_tick, tuple(works), bus_uses)


def lay_out(suspension: Suspension, at_tick: int) -> Iterator[tuple[Operation, int]]:
    """Lay out what is left of each operation from a tick on; return it with the number of its first new piece."""
    for work in suspension.works:
        operation, first = work.operation, len(work.operation.pieces)
        operation.pieces.extend((state, at_tick + start, at_tick + end) for state, start, end in work.pieces)
        yield operation, first
