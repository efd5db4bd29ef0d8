"""Two memories made into one, without losing anything of either: what `afterstate restore` decides.

An `id` keeps the meaning that it has in the backup; what this warehouse has numbered the same since gets a new one.
Where both remember the same shutdown, the snapshot that was taken first holds, and the other goes to the retakes; but
what one side knows to have been taken again is not taken back. Nothing here talks to a server.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afterstate.memory.archive import Row
from afterstate.memory.snapshots import AWAITED, KEY

RETAKE_COLUMNS = ("snapshot_id", "retaken_as", "retaken_at", "retaken_by", "reason")
UNIQUE_KEY = ("snapshot_rule_id", *KEY)
REASON = "restored: an earlier snapshot of the same shutdown was brought in"


@dataclass(frozen=True)
class Memory:
    """The rows of a memory and of its retakes; a snapshot without an `id` is yet to get one."""

    snapshots: Sequence[Row]
    retakes: Sequence[Row] = ()

    def meanings(self) -> dict[int, tuple[Any, ...]]:
        """Return what each id stands for: a shutdown, and when it was first remembered."""
        former = {int(row["snapshot_id"]): _meaning(row) for row in self.retakes}
        return former | {int(row["id"]): _meaning(row) for row in self.snapshots if row["id"] is not None}


@dataclass(frozen=True)
class Merged:
    """What the warehouse has to hold, and what there is to say about it."""

    memory: Memory
    renumbered: int
    contested: int


def merge(here: Memory, brought: Memory, now: dt.datetime, who: str) -> Merged:
    """Make one memory of the warehouse's and the one that is brought.

    Of two snapshots of one shutdown, the one that was taken first stays; the other becomes a retake, with `now`
    (UTC) and `who`, the person who merges.
    """
    numbers = _Numbers(here, brought)
    mine, renumbered = numbers.renumber(here, brought)
    theirs = [{**row, "id": row["id"] or numbers.next()} for row in _news(mine, brought)]
    retakes = {row["snapshot_id"]: row for row in (*mine.retakes, *brought.retakes)}
    held: dict[tuple[Any, ...], Row] = {}
    contested = 0
    for row in (*theirs, *mine.snapshots):
        if row["id"] in retakes:
            continue
        other = held.setdefault(_key(row), row)
        if other["id"] == row["id"]:
            held[_key(row)] = max(other, row, key=_inputs)  # one of them may have taken an input since
            continue
        contested += 1
        first, second = sorted((other, row), key=lambda snapshot: snapshot["event_taken_at"])
        held[_key(row)] = first
        why = (second["id"], first["id"], now, who, REASON)
        retakes[second["id"]] = {**dict(zip(RETAKE_COLUMNS, why, strict=True)), **_content(second)}
    return Merged(Memory(list(held.values()), list(retakes.values())), renumbered, contested)


class _Numbers:
    """A source of ids that neither side has."""

    def __init__(self, *memories: Memory) -> None:
        self._last = max((number for memory in memories for number in memory.meanings()), default=0)

    def next(self) -> int:
        self._last += 1
        return self._last

    def renumber(self, here: Memory, brought: Memory) -> tuple[Memory, int]:
        """Renumber what stands here under an id that means something else in the backup."""
        theirs = brought.meanings()
        taken = [number for number, meaning in here.meanings().items() if theirs.get(number, meaning) != meaning]
        new = {number: self.next() for number in sorted(taken)}
        snapshots = [{**row, "id": new.get(row["id"], row["id"])} for row in here.snapshots]
        names = ("snapshot_id", "retaken_as")
        retakes = [{**row, **{name: new.get(row[name], row[name]) for name in names}} for row in here.retakes]
        return Memory(snapshots, retakes), len(new)


def _news(here: Memory, brought: Memory) -> list[Row]:
    """Leave out snapshots without an id that are remembered here already, now or formerly."""
    known = set(here.meanings().values())
    return [row for row in brought.snapshots if row["id"] or _meaning(row) not in known]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in UNIQUE_KEY)


def _meaning(row: Row) -> tuple[Any, ...]:
    return (*_key(row), row["event_taken_at"])


def _inputs(row: Row) -> int:
    return sum(row[f"{name}_taken_at"] is not None for name in AWAITED)


def _content(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "id" and name not in RETAKE_COLUMNS}
