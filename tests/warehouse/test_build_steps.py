"""Builds, landings, withdrawals and kills between any two steps: a model of them, and real builds that follow it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import pytest

from tests.bench import Bench
from tests.warehouse.barriers import Killed, build_with_barriers
from tests.warehouse.build_model import (
    ALL,
    CHANGES,
    CORE,
    MEMORY,
    NAND,
    PROPOSALS,
    SCOPE,
    SEGMENTS,
    STATES,
    Build,
    Event,
    Family,
    Rules,
    Step,
    Warehouse,
    step,
    steps_of,
)
from tests.warehouse.build_worlds import explore, wrong_when_built
from tests.warehouse.scenarios import base_files

IS_LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
FAMILIES = {"nand": NAND, "core": CORE}
DISTURBED = 2  # builds of a schedule; nobody disturbs the one that follows
MODELS = {"nand": ("--select", "+proposal_phase_keys"), "core": ("--select", "+shutdown_snapshot_memory")}
# Where the model's steps are in the project. A scope is made by several tables, of which the first counts.
NODES = {
    "int_landing__load_changes": CHANGES,
    "int_phase_keys__load_contents": SCOPE,
    "int_phase_keys__timeline_changes": SCOPE,
    "int_shutdown__changed_designs": SCOPE,
    "int_phase_keys__segments": SEGMENTS.name,
    "proposal_phase_keys": PROPOSALS.name,
    "int_shutdown__states": STATES.name,
    "shutdown_snapshot_memory": MEMORY,
}
TIMELINE = "start,end,die,plane,op_state,op_name\n0,5,0,0,READ.CORE_BUSY,READ\n10,{},0,0,READ.CORE_BUSY,READ\n"
PROPOSED = "start_us,end_us,die,plane,op_name,op_base,op_uid\n2,3,0,0,READ,READ,1\n15.5,16,0,0,READ,READ,2\n"
TRACE = base_files("run")["trace"]
FILES = {
    "timeline 1": ("op_state_timeline_261122_1.csv", TIMELINE.format(15)),
    "timeline 2": ("op_state_timeline_261122_1.csv", TIMELINE.format(16)),
    "proposals 1": ("proposal_rows_261122_1.csv", PROPOSED),
    "trace 1": ("trace.csv", TRACE.replace(",2.1,", ",1.0,")),
    "trace 2": ("trace.csv", TRACE.replace(",2.1,", ",2.0,")),
}
# Whose rows a table has, by what it says of them: ends of segments, keys of proposals, the measure at the shutdown.
SEEN = {
    (): [],
    (5, 15): ["timeline 1"],
    (5, 16): ["timeline 2"],
    ("DEFAULT", "DEFAULT"): ["proposals 1"],
    ("READ.CORE_BUSY", "READ.END"): ["proposals 1", "timeline 1"],
    ("READ.CORE_BUSY", "READ.CORE_BUSY"): ["proposals 1", "timeline 2"],
    (None,): [],
    (1.0,): ["trace 1"],
    (2.0,): ["trace 2"],
}
READ = {
    SEGMENTS.name: ("int_phase_keys__segments", "select end_tick div 100 from {staging}.%s order by start_tick"),
    PROPOSALS.name: ("proposal_phase_keys", "select phase_key_covering from {marts}.%s order by row_no"),
    STATES.name: ("int_shutdown__states", "select SoMS_cumsum_window from {staging}.%s"),
    MEMORY: ("shutdown_snapshot_memory", "select SoMS_cumsum_window from {marts}.%s"),
}
BUILT = "select load_id from {staging}.int_landing__built_loads where model = %s"
# What went wrong once: a file restated, or withdrawn, between the list of changes and what is read by it.
FIRST = (0, (CHANGES, "fill"))
RESTATED = [FIRST, FIRST, (0, (SCOPE, "fill")), (2, (CHANGES, "fill"))]
WITHDRAWN = [FIRST, (0, (SCOPE, "fill")), (1, (CHANGES, "fill"))]


# What a build may select: derived tables alone, on what an earlier list of changes has left, and parts of the road.
TABLES_ALONE = {"nand": (SEGMENTS.name, PROPOSALS.name), "core": (STATES.name, MEMORY)}
PARTS = {
    "tables": TABLES_ALONE,
    "last": {"nand": (PROPOSALS.name,), "core": (STATES.name,)},
    "no scope": {family: (CHANGES, *tables) for family, tables in TABLES_ALONE.items()},
    "no changes": {family: (SCOPE, *tables) for family, tables in TABLES_ALONE.items()},
}


@pytest.mark.parametrize("part", ["all", *PARTS])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_meeting_of_steps_goes_wrong(family: str, part: str) -> None:
    """Prevents a moment between any two steps at which a landing, a kill or another build leaves marts wrong."""
    builds = (ALL, ALL) if part == "all" else (ALL, ALL, PARTS[part][family])
    for selects, kills in ((builds, 1), ((*builds, ALL), 2))[: 1 + IS_LONG]:
        worlds, wrong = explore(FAMILIES[family], Rules(), selects, kills=kills)
        assert wrong is None
        assert worlds > 2_000


def test_each_rule_is_needed() -> None:
    """Prevents a model in which nothing can go wrong; the adversary's races are found without what rules them out."""
    both = (ALL, ALL)
    _, wrong = explore(NAND, Rules(one_at_a_time=False), both)
    assert str(wrong).startswith("noted as built, and not read: ")
    _, wrong = explore(CORE, Rules(one_at_a_time=False, frozen_by_the_write=False), both)
    assert str(wrong).startswith("what was frozen has changed: ")
    _, wrong = explore(CORE, Rules(withdrawn_is_a_change=False), both)
    assert wrong == "states: rows of ['trace 2'], and ['trace 1'] hold"
    for part in ("tables", "last", "no scope"):
        _, wrong = explore(NAND, Rules(nothing_on_leftovers=False), (*both, PARTS[part]["nand"]))
        assert str(wrong).startswith("noted as built, and not read: ")
        _, wrong = explore(CORE, Rules(nothing_on_leftovers=False), (*both, PARTS[part]["core"]))
        assert wrong == "states: rows of [], and ['trace 1'] hold"


@dataclass
class Schedule:
    """What happens before which step of which build; the same in the model and on a server."""

    family: Family
    moments: list[tuple[int, Step]]  # of each event of the family
    killed_before: tuple[int, Step] | None = None
    selects: tuple[tuple[str, ...], ...] = (ALL,) * DISTURBED  # of each build; one of everything follows

    def due(self, build_no: int, place: Step) -> list[Event]:
        """Return what happens before a step of a build."""
        return [
            event for event, moment in zip(self.family.events, self.moments, strict=True) if moment == (build_no, place)
        ]

    def model(self, now: Warehouse, build_no: int) -> tuple[Warehouse, bool]:
        """Run a build in the model. Return the warehouse afterwards, and whether the build finished."""
        build = Build(state="works", selects=self.selected(build_no))
        while build.state == "works":
            place = steps_of(build, self.family)[build.at]
            for event in self.due(build_no, place):
                now = now.after(event)
            if self.killed_before == (build_no, place):
                break
            now, build = step(now, build, self.family, Rules())
        return now, build.state == "done"

    def selected(self, build_no: int) -> tuple[str, ...]:
        """Return what a build selects."""
        return (*self.selects, ALL)[build_no]


def drawn(family: Family, dice: Random) -> Schedule:
    """Draw a schedule: events in their order, each before some step, and a kill of one of the builds, or of none."""
    moments = [(build, place) for build in range(DISTURBED) for place in family.steps]
    when = sorted(dice.choices(range(len(moments)), k=len(family.events)))
    killed = dice.choice([None, *range(len(moments))])
    chosen = [moments[number] for number in when]
    if killed is not None:  # what was to happen later in that build, happens before the next one
        build_no = moments[killed][0]
        late = [number > killed and moments[number][0] == build_no for number in when]
        next_build = (build_no + 1, family.steps[0])
        chosen = [next_build if is_late else moment for moment, is_late in zip(chosen, late, strict=True)]
    return Schedule(family, chosen, None if killed is None else moments[killed])


@pytest.mark.parametrize("number", range(20 if IS_LONG else 1))
@pytest.mark.parametrize("family", FAMILIES)
def test_real_statements_go_the_same_way(warehouse: Bench, dice: Random, family: str, number: int) -> None:
    """Prevents a model that is right about builds which are not ours."""
    follow(warehouse, drawn(FAMILIES[family], dice), family)


@pytest.mark.parametrize(("family", "moments"), [("nand", RESTATED), ("core", WITHDRAWN)])
def test_what_lands_behind_the_list_of_changes(warehouse: Bench, family: str, moments: list[tuple[int, Step]]) -> None:
    """Prevents an unread file from being noted as built, and a withdrawn file's values from staying in the marts."""
    follow(warehouse, Schedule(FAMILIES[family], moments), family)


@pytest.mark.parametrize("family", FAMILIES if IS_LONG else ["nand"])
def test_a_model_alone_is_not_built_on_leftovers(warehouse: Bench, family: str) -> None:
    """Prevents an unread file from being noted as built after a build was killed before its scopes."""
    events = len(FAMILIES[family].events)  # the last but one restates a file, the last one takes that back
    moments = [FIRST] * (events - 2) + [(build_no, (CHANGES, "fill")) for build_no in (1, 3)]
    killed = (1, (SCOPE, "fill"))
    follow(warehouse, Schedule(FAMILIES[family], moments, killed, (ALL, ALL, TABLES_ALONE[family])), family)


def follow(bench: Bench, schedule: Schedule, family: str) -> None:
    """Let real builds and the model go through a schedule, and compare what they come to after each build."""
    if family == "core":
        bench.land(bench.write("events.csv", base_files("run")["events"]))
    loads: dict[str, int] = {}
    now = Warehouse()
    for build_no in range(len(schedule.selects) + 1):
        selected = schedule.selected(build_no)
        todo = steps_of(Build(selects=selected), schedule.family)
        last = todo[-1]
        ended: list[Step] = []

        def reach(place: Step, build_no: int = build_no, todo: list[Step] = todo, ended: list[Step] = ended) -> None:
            while place in todo:  # a step may take several statements, and none where nothing is new
                passed = todo.pop(0)
                for event in schedule.due(build_no, passed):
                    happen(bench, event, loads)
                if schedule.killed_before == (build_no, passed):
                    ended.append(passed)
                    raise Killed

        models = [node for node, place in NODES.items() if place in selected]
        is_through = build_with_barriers(
            bench,
            lambda node, action, reach=reach: reach(step_of(node, action)),
            *(("--select", *models) if models else MODELS[family]),
        )
        if is_through:
            with suppress(Killed):  # behind the last statement
                reach(last)
        now, should_be_through = schedule.model(now, build_no)
        assert (is_through and not ended) is should_be_through, (build_no, schedule)
        assert found(bench, now, loads) == told(now), (build_no, schedule)
    assert wrong_when_built(now, schedule.family) is None


def step_of(node: str, action: str) -> Step:
    """Return the model's name of a step."""
    place = NODES.get(node, node)
    if action == "write" and place in (CHANGES, SCOPE):
        return place, "swap"
    return place, "merge" if action == "write" and place == MEMORY else action


def happen(bench: Bench, event: Event, loads: dict[str, int]) -> None:
    """Land or withdraw a file."""
    if event.what == "withdraw":
        assert bench.run("withdraw", str(loads[str(event.goes)]), "--yes").exit_code == 0
        return
    name, text = FILES[str(event.comes)]
    file = bench.write(f"{event.comes}/{name}", text)
    (result,) = bench.land(file, *(("--session", "chip") if name[-5] == "1" else ()))
    assert result["status"] == "landed"
    loads[str(event.comes)] = result["load_id"]


def found(bench: Bench, now: Warehouse, loads: dict[str, int]) -> dict[str, list[str]]:
    """Return of each table that is there the loads whose rows it has, and those that it counts as built."""
    names = {number: name for name, number in loads.items()}
    said = {}
    for name in now.there | ({MEMORY} if now.is_remembering else set()):
        model, question = READ[name]
        said[name] = SEEN[tuple(value for (value,) in bench.query(question % model, role="dbt"))]
        built = bench.query(BUILT, model, role="dbt")
        said[f"{name}, built"] = sorted(names[number] for (number,) in built if number in names)
    return said


def told(now: Warehouse) -> dict[str, list[str]]:
    """Return the same of the model; a timeline does not show where there are no proposals."""
    said = {}
    for name in now.there:
        rows = sorted(now.of(now.rows, name))
        said[name] = [] if name == PROPOSALS.name and "proposals 1" not in rows else rows
        said[f"{name}, built"] = sorted(now.of(now.built, name))
    if now.is_remembering:
        said |= {MEMORY: [now.memory] if now.memory else [], f"{MEMORY}, built": []}
    return said
