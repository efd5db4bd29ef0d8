"""The steps of a build as a model: what each reads and writes, and every way in which builds and landings can meet.

A `Warehouse` is what is committed, told by loads: which hold, which a table is built from, whose rows it has. A `Build`
goes through its steps one by one; between any two, a file may land or be withdrawn, another build may begin, and the
build may be killed. What the server was at when its client died happens wholly or not at all, and the next build waits
for the end of it (afterstate/warehouse/build_lock.py), so a kill between two steps stands for both.

The steps are those of macros/adapter: the changes and their scopes are tables, swapped in; a table that is there is
filled beside, then replaced and noted as built in one transaction; one that is not there is swapped in, then noted.
A table that nothing concerns sends no statement, which is the same as steps that change nothing.
tests/warehouse/test_build_steps.py drives real statements along the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Loads = frozenset[str]
CHANGES, SCOPE, MEMORY = "changes", "scope", "memory"
ALL: tuple[str, ...] = ()  # what a build selects that names nothing
Step = tuple[str, str]


@dataclass(frozen=True)
class Table:
    """A table that is derived: from which kinds, which of them it reads itself, and what it is built upon."""

    name: str
    built_from: tuple[str, ...]
    reads: str
    upstream: Table | None = None
    reads_live: bool = False  # whatever holds at that moment, not only what the changes list


SEGMENTS = Table("segments", ("timeline",), "timeline")
PROPOSALS = Table("proposals", ("timeline", "proposals"), "proposals", SEGMENTS)
STATES = Table("states", ("trace",), "trace", reads_live=True)
TABLES = {table.name: table for table in (SEGMENTS, PROPOSALS, STATES)}


@dataclass(frozen=True)
class Event:
    """What happens to the manifest: a load comes, another goes."""

    what: str
    comes: str | None = None
    goes: str | None = None


@dataclass(frozen=True)
class Family:
    """The tables of a family, and what happens while they are built."""

    tables: tuple[Table, ...]
    events: tuple[Event, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of a build of all tables, in the form in which they are there already."""
        tables = [(table.name, action) for table in self.tables for action in ("fill", "write", "note", "commit")]
        memory = [(MEMORY, "fill"), (MEMORY, "merge")] if STATES in self.tables else []
        return (*((place, action) for place in (CHANGES, SCOPE) for action in ("fill", "swap")), *tables, *memory)


NAND = Family(
    (SEGMENTS, PROPOSALS),
    (
        Event("land", "timeline 1"),
        Event("land", "proposals 1"),
        Event("land", "timeline 2", "timeline 1"),
        Event("withdraw", "timeline 1", "timeline 2"),
    ),
)
CORE = Family(
    (STATES,),
    (Event("land", "trace 1"), Event("land", "trace 2", "trace 1"), Event("withdraw", "trace 1", "trace 2")),
)


@dataclass(frozen=True)
class Warehouse:
    """What is committed. Of changes and scopes: (table, load, whether it has come); of the others: (table, load)."""

    active: Loads = frozenset()
    changes: frozenset[tuple[str, str, bool]] = frozenset()
    scope: frozenset[tuple[str, str, bool]] = frozenset()
    built: frozenset[tuple[str, str]] = frozenset()
    rows: frozenset[tuple[str, str]] = frozenset()
    there: frozenset[str] = frozenset()
    withdrawn: Loads = frozenset()
    without: frozenset[tuple[str, str]] = frozenset()  # withdrawn loads that a table is known to be built without
    memory: str | None = None
    is_remembering: bool = False  # whether the memory is there

    def after(self, event: Event) -> Warehouse:
        """Return the warehouse after something has landed or was withdrawn."""
        came = frozenset({event.comes} if event.comes else ())
        gone = frozenset({event.goes} if event.goes else ())
        withdrawn = gone if event.what == "withdraw" else frozenset()
        return replace(self, active=self.active - gone | came, withdrawn=self.withdrawn | withdrawn)

    def of(self, pairs: frozenset[tuple[str, str]], name: str) -> Loads:
        """Return the loads of a table."""
        return frozenset(load for table, load in pairs if table == name)

    def holding(self, kinds: Sequence[str]) -> Loads:
        """Return the loads of some kinds that hold."""
        return frozenset(load for load in self.active if kind_of(load) in kinds)

    def with_loads(self, field: str, name: str, loads: Loads) -> Warehouse:
        """Return the warehouse with other loads for a table, in `rows`, in `built` or in `without`."""
        others = frozenset(pair for pair in getattr(self, field) if pair[0] != name)
        return replace(self, **{field: others | {(name, load) for load in loads}})


def kind_of(load: str) -> str:
    return load.split()[0]


@dataclass(frozen=True)
class Build:
    """A build at work: how far it is, and what its process and its transaction hold."""

    at: int = 0
    state: str = "waits"
    selects: tuple[str, ...] = ALL
    held: object = None  # what was filled
    writes: Loads | None = None  # rows that the transaction has put in place
    notes: tuple[Loads, Loads] = (frozenset(), frozenset())  # what it has noted as come, and as gone
    is_beside: bool = False


@dataclass(frozen=True)
class Rules:
    """What keeps builds from hurting each other; each can be taken out, to see that it is missed."""

    one_at_a_time: bool = True
    frozen_by_the_write: bool = True
    withdrawn_is_a_change: bool = True  # also where no table had noted the load: one that reads live may have read it
    nothing_on_leftovers: bool = True  # what is pending is built only with all that lies between it and the table


def step(now: Warehouse, build: Build, family: Family, rules: Rules) -> tuple[Warehouse, Build]:
    """Take a build's next step."""
    steps = steps_of(build, family)
    place, action = steps[build.at]
    if place in TABLES and rules.nothing_on_leftovers and _is_on_leftovers(now, build, TABLES[place], action):
        return now, replace(build, state="refused")
    if place in TABLES:
        now, build = _table_step(now, build, TABLES[place], action)
    else:
        now, build = _other_step(now, build, family, place, action, rules)
    at = build.at + 1
    return now, replace(build, at=at, state="done" if at == len(steps) else build.state)


def steps_of(build: Build, family: Family) -> list[Step]:
    """Return the steps of a build: those of what it selects."""
    return [place for place in family.steps if build.selects == ALL or place[0] in build.selects]


def _is_on_leftovers(now: Warehouse, build: Build, table: Table, action: str) -> bool:
    """Return whether a table has something pending, and the build leaves out what lies between it and the changes."""
    between = {SCOPE} | ({table.upstream.name} if table.upstream else set())
    if action != "fill" or build.selects == ALL or between <= {*build.selects}:
        return False
    built, without = now.of(now.built, table.name), now.of(now.without, table.name)
    return any(
        has_come != (load in built) or (table.reads_live and load in now.withdrawn and load not in without)
        for name, load, has_come in now.changes
        if name == table.name
    )


def _other_step(
    now: Warehouse, build: Build, family: Family, place: str, action: str, rules: Rules
) -> tuple[Warehouse, Build]:
    if place == MEMORY and action == "fill":
        states = sorted(now.of(now.rows, STATES.name))
        return now, replace(build, held=(states[-1] if states else None,) if now.memory is None else None)
    if place == MEMORY and isinstance(build.held, tuple):
        kept = now.memory if rules.frozen_by_the_write else None
        return replace(now, memory=kept or build.held[0], is_remembering=True), replace(build, held=None)
    if action == "fill":
        return now, replace(build, held=_changes(now, family, rules) if place == CHANGES else now.changes)
    return (replace(now, **{place: build.held}) if place != MEMORY else now), replace(build, held=None)


def _changes(now: Warehouse, family: Family, rules: Rules) -> frozenset[tuple[str, str, bool]]:
    found = set()
    for table in family.tables:
        holding, built = now.holding(table.built_from), now.of(now.built, table.name)
        gone = built - now.active
        if table.reads_live and rules.withdrawn_is_a_change:
            gone |= {load for load in now.withdrawn if kind_of(load) in table.built_from}
            gone -= now.of(now.without, table.name)
        found |= {(table.name, load, True) for load in holding - built}
        found |= {(table.name, load, False) for load in gone}
    return frozenset(found)


def _table_step(now: Warehouse, build: Build, table: Table, action: str) -> tuple[Warehouse, Build]:
    if action == "fill":
        is_beside = table.name not in now.there
        concerned = is_beside or any(name == table.name for name, _, _ in now.scope)
        return now, replace(build, held=_read(now, table) if concerned else None, is_beside=is_beside)
    if action == "write":
        if build.is_beside and isinstance(build.held, frozenset):  # a swap, which is there at once
            now = replace(now.with_loads("rows", table.name, build.held), there=now.there | {table.name})
            return now, replace(build, held=None)
        return now, replace(build, writes=build.held if isinstance(build.held, frozenset) else None, held=None)
    if action == "note":
        return now, replace(build, notes=_noted(now, table))
    come, gone = build.notes
    if build.writes is not None:
        now = now.with_loads("rows", table.name, build.writes)
    now = now.with_loads("built", table.name, now.of(now.built, table.name) - gone | come)
    now = now.with_loads("without", table.name, now.of(now.without, table.name) | gone & now.withdrawn)
    return now, replace(build, writes=None, notes=(frozenset(), frozenset()))


def _read(now: Warehouse, table: Table) -> Loads:
    if table.reads_live:
        return now.holding((table.reads,))
    changed = {load: has_come for name, load, has_come in now.changes if name == table.name}
    known = now.of(now.built, table.name) | changed.keys()
    own = {load for load in known if kind_of(load) == table.reads and changed.get(load, True)}
    return frozenset(own) | (now.of(now.rows, table.upstream.name) if table.upstream else frozenset())


def _noted(now: Warehouse, table: Table) -> tuple[Loads, Loads]:
    upstream = table.upstream
    built_upstream = now.of(now.built, upstream.name) if upstream else frozenset()
    applied = {
        (load, has_come)
        for name, load, has_come in now.changes
        if name == table.name
        and not (upstream and kind_of(load) in upstream.built_from and has_come != (load in built_upstream))
    }
    come = frozenset(load for load, has_come in applied if has_come)
    return come, frozenset(load for load, has_come in applied if not has_come)
