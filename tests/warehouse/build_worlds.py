"""Every way in which builds, landings and kills can meet, gone through one by one (tests/warehouse/build_model.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from tests.warehouse.build_model import STATES, TABLES, Build, Family, Rules, Warehouse, step

Selections = Sequence[tuple[str, ...]]


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


def explore(family: Family, rules: Rules, selects: Selections, *, kills: int = 1) -> tuple[int, str | None]:
    """Go through all worlds of some builds, by what each selects; return how many, and what is wrong in one of them."""

    @cache
    def wrong_in_the_end(now: Warehouse) -> str | None:
        return wrong_when_built(built_alone(now, family, rules), family)

    first = World(Warehouse(), tuple(Build(selects=selected) for selected in selects), 0, kills)
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


def built_alone(now: Warehouse, family: Family, rules: Rules) -> Warehouse:
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
