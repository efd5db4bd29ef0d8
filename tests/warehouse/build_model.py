"""The steps of a build as a model: what each reads and writes, and every way in which builds and landings can meet.

A `Warehouse` is what is committed, told by loads: which hold, which a table is built from, whose rows it has. A `Build`
goes through its steps one by one; between any two, a file may land or be withdrawn, another build may begin, and the
build may be killed. What the server was at when its client died happens wholly or not at all, and the next build waits
for the end of it (afterstate/warehouse/build_lock.py), so a kill between two steps stands for both.

The steps are those of macros/adapter: the changes and their scopes are tables, swapped in; a table that is there is
filled beside, then replaced and noted as built in one transaction; one that is not there is swapped in, then noted.
tests/warehouse/test_build_steps.py drives real statements along the same steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

Loads = frozenset[str]
CHANGES, SCOPE, MEMORY = "changes", "scope", "memory"
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


def step(now: Warehouse, build: Build, family: Family, rules: Rules) -> tuple[Warehouse, Build]:
    """Take a build's next step."""
    place, action = family.steps[build.at]
    if place in TABLES:
        now, build = _table_step(now, build, TABLES[place], action)
    else:
        now, build = _other_step(now, build, family, place, action, rules)
    at = build.at + 1
    return now, replace(build, at=at, state="done" if at == len(family.steps) else build.state)


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


@dataclass(frozen=True)
class World:
    """A moment: what is committed, the builds, how many events are past, and how many kills are left."""

    warehouse: Warehouse
    builds: tuple[Build, ...]
    past: int
    kills: int


def next_worlds(world: World, family: Family, rules: Rules) -> Iterator[World]:
    """Yield every world that can come next."""
    if world.past < len(family.events):
        yield replace(world, warehouse=world.warehouse.after(family.events[world.past]), past=world.past + 1)
    is_locked = rules.one_at_a_time and any(build.state == "works" for build in world.builds)
    for number, build in enumerate(world.builds):

        def with_build(changed: Build, number: int = number) -> tuple[Build, ...]:
            return tuple(changed if n == number else other for n, other in enumerate(world.builds))

        if build.state == "waits" and not is_locked:
            yield replace(world, builds=with_build(replace(build, state="works")))
        if build.state == "works":
            now, further = step(world.warehouse, build, family, rules)
            yield replace(world, warehouse=now, builds=with_build(further))
            if world.kills:
                yield replace(world, builds=with_build(Build(state="killed")), kills=world.kills - 1)


def explore(family: Family, rules: Rules, *, builds: int = 2, kills: int = 1) -> tuple[int, str | None]:
    """Go through all worlds; return their number, and the first thing that is wrong in one of them."""

    @cache
    def wrong_in_the_end(now: Warehouse) -> str | None:
        return wrong_when_built(built_alone(now, family, rules), family)

    first = World(Warehouse(), (Build(),) * builds, 0, kills)
    seen, todo = {first}, [first]
    while todo:
        world = todo.pop()
        for following in next_worlds(world, family, rules):
            if following in seen:
                continue
            before, now = world.warehouse, following.warehouse
            wrong = _wrong_at_once(before, now) or wrong_in_the_end(now)
            if wrong:
                return len(seen), wrong
            seen.add(following)
            todo.append(following)
    return len(seen), None


def built_alone(now: Warehouse, family: Family, rules: Rules = Rules()) -> Warehouse:
    """Return the warehouse after a build that nobody disturbs."""
    build = Build(state="works")
    while build.state == "works":
        now, build = step(now, build, family, rules)
    return now


def _wrong_at_once(before: Warehouse, now: Warehouse) -> str | None:
    if before.memory is not None and now.memory != before.memory:
        return f"what was frozen has changed: {before.memory} to {now.memory}"
    # A table that reads live may have read what restates a load instead; the end says whether that was right.
    unread = {(name, load) for name, load in now.built - now.rows if not TABLES[name].reads_live}
    return f"noted as built, and not read: {sorted(unread)}" if unread else None


def wrong_when_built(now: Warehouse, family: Family) -> str | None:
    """Return what is wrong with a warehouse that was built at the end."""
    for table in family.tables:
        holding = now.holding(table.built_from)
        for field in ("rows", "built"):
            found = now.of(getattr(now, field), table.name)
            if found != holding:
                return f"{table.name}: {field} of {sorted(found)}, and {sorted(holding)} hold"
    if STATES in family.tables and now.holding(("trace",)) and now.memory is None:
        return "nothing is remembered"
    return None
