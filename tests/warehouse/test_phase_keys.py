"""Virtual END (design section 5): SQL on both servers, the Python twin and a brute-force scan give the same answers."""

from __future__ import annotations

import csv
import itertools
import os
import random
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from afterstate.phase_key import BOUNDARIES
from simulators.nand.resource_manager import ResourceManager
from tests.bench import ROOT, Bench
from tests.loaders.helpers import fuzz
from tests.warehouse.brute_force import compare_with_expected
from tests.warehouse.interruption import interrupt_build
from tests.warehouse.phase_key_cases import (
    Case,
    Proposal,
    Statement,
    by_session,
    cases,
    draw,
    expected,
    microseconds,
    place_of,
    planes_to_draw,
    run_id,
    segments_of,
    write_session,
)

MODELS = ("--select", "+models/marts/phase_keys")
MARTS = (
    "op_state_spans",
    "op_state_overlaps",
    "proposal_phase_keys",
    "phase_proposal_counts",
    "op_state_op_name_counts",
    "proposer_log_mismatches",
)
CASES = planes_to_draw(320)
PLANES_A_SESSION = 16
KILLS = 20 if os.environ.get("AFTERSTATE_LONG_TESTS") else 2

# Each row of the table in design section 5: the segments, the tick, and the keys that must come out.
E, P = "ERASE", "PROGRAM_SLC"
TABLE: dict[str, tuple[list[tuple[int, int, str, str]], int, str, str]] = {
    "no segment at all": ([], 5, "DEFAULT", "DEFAULT"),
    "no segment started yet": ([(6, 9, E, "ISSUE")], 5, "DEFAULT", "DEFAULT"),
    "after the last segment": ([(0, 5, E, "CORE_BUSY")], 7, "ERASE.END", "ERASE.END"),
    "just at the end": ([(0, 5, E, "CORE_BUSY")], 5, "ERASE.END", "ERASE.END"),
    "in a gap": ([(0, 5, E, "CORE_BUSY"), (9, 12, P, "ISSUE")], 8, "ERASE.END", "ERASE.END"),
    "ISSUE starts, the one before is over": (
        [(0, 5, E, "CORE_BUSY"), (7, 9, P, "ISSUE")],
        7,
        "PROGRAM_SLC.ISSUE",
        "ERASE.END",
    ),
    "inside of ISSUE, the one before is over": (
        [(0, 5, E, "CORE_BUSY"), (7, 9, P, "ISSUE")],
        8,
        "PROGRAM_SLC.ISSUE",
        "ERASE.END",
    ),
    "ISSUE starts, the one before still runs": (
        [(0, 8, E, "CORE_BUSY"), (7, 9, P, "ISSUE")],
        7,
        "PROGRAM_SLC.ISSUE",
        "DEFAULT",
    ),
    "the one before ends inside of ISSUE": (
        [(0, 8, E, "CORE_BUSY"), (7, 9, P, "ISSUE")],
        8,
        "PROGRAM_SLC.ISSUE",
        "ERASE.END",
    ),
    "the very first ISSUE": ([(7, 9, P, "ISSUE")], 7, "PROGRAM_SLC.ISSUE", "DEFAULT"),
    "another state starts, the one before is over": (
        [(0, 7, P, "ISSUE"), (7, 9, P, "CORE_BUSY")],
        7,
        "PROGRAM_SLC.CORE_BUSY",
        "PROGRAM_SLC.END",
    ),
    "another state starts, the one before still runs": (
        [(0, 8, E, "CORE_BUSY"), (7, 9, P, "CORE_BUSY")],
        7,
        "PROGRAM_SLC.CORE_BUSY",
        "PROGRAM_SLC.CORE_BUSY",
    ),
    "another state starts as the first": (
        [(7, 9, P, "CORE_BUSY")],
        7,
        "PROGRAM_SLC.CORE_BUSY",
        "PROGRAM_SLC.CORE_BUSY",
    ),
    "inside of another state": (
        [(0, 7, P, "ISSUE"), (7, 9, P, "CORE_BUSY")],
        8,
        "PROGRAM_SLC.CORE_BUSY",
        "PROGRAM_SLC.CORE_BUSY",
    ),
    "last-started wins over a longer one": (
        [(0, 50, E, "CORE_BUSY"), (7, 9, P, "DATAIN")],
        20,
        "PROGRAM_SLC.END",
        "PROGRAM_SLC.END",
    ),
    "of two that start at once, the later row": (
        [(7, 9, E, "CORE_BUSY"), (7, 9, P, "CORE_BUSY")],
        8,
        "PROGRAM_SLC.CORE_BUSY",
        "PROGRAM_SLC.CORE_BUSY",
    ),
    "a segment of no length": ([(7, 7, E, "CORE_BUSY")], 7, "ERASE.END", "ERASE.END"),
    "ISSUE after a segment of no length": (
        [(7, 7, E, "CORE_BUSY"), (7, 9, P, "ISSUE")],
        7,
        "PROGRAM_SLC.ISSUE",
        "ERASE.END",
    ),
    "stated again, longer": ([(0, 5, E, "CORE_BUSY"), (0, 9, E, "CORE_BUSY")], 6, "ERASE.CORE_BUSY", "ERASE.CORE_BUSY"),
    "stated again, cut short": ([(0, 9, E, "CORE_BUSY"), (0, 5, E, "CORE_BUSY")], 6, "ERASE.END", "ERASE.END"),
}


def table_case(segments: list[tuple[int, int, str, str]], at: int) -> Case:
    return Case([Statement(*segment, run=1) for segment in segments], [Proposal(at, 1)])


def twin_of(case: Case) -> ResourceManager:
    """Return the Python twin with what the runs of a case state, in their order."""
    manager = ResourceManager()
    for run in sorted({statement.run for statement in case.statements}):
        for number, s in enumerate(case.statements):
            if s.run == run:
                noise = case.noise[number % len(case.noise)]
                manager.timeline.add(0, 0, s.base, s.state, microseconds(s.start, noise), microseconds(s.end, noise))
    return manager


def twin_answers(manager: ResourceManager, time_us: float) -> tuple[str, str, str | None]:
    covering, before = (manager.phase_key_at(0, 0, time_us, boundary=boundary) for boundary in BOUNDARIES)
    return covering, before, manager.op_state(0, 0, time_us)


@pytest.mark.parametrize("name", TABLE)
def test_the_table_in_python(name: str) -> None:
    """Prevents the twin, or the tests' own scan, reading a row of the design's table otherwise."""
    segments, at, covering, before = TABLE[name]
    case = table_case(segments, at)
    assert expected(segments_of(case), at)[:2] == (covering, before)
    assert twin_answers(twin_of(case), microseconds(at))[:2] == (covering, before)


@fuzz(500)
@given(cases())
def test_the_twin_is_the_brute_force_scan(case: Case) -> None:
    """Prevents binary search that misses a tie, a restatement, a segment of no length or a noisy float."""
    manager, segments = twin_of(case), segments_of(case)
    for at in range(-2, 62):
        for noise in (0.0, 1e-10, -1e-10):
            assert twin_answers(manager, microseconds(at, noise)) == expected(segments, at)


def test_the_table_in_sql(warehouse: Bench) -> None:
    """Prevents SQL reading a row of the design's table otherwise, on either server."""
    planes = [table_case(segments, at) for segments, at, _, _ in TABLE.values()]
    write_session(warehouse.folder / "table", planes, runs=1)
    warehouse.land(warehouse.folder / "table")
    warehouse.run_models(*MODELS)
    found = warehouse.query(
        "select phase_key_covering, phase_key_before from {marts}.proposal_phase_keys order by key_die, key_plane",
        role="bi",
    )
    assert dict(zip(TABLE, found, strict=True)) == {name: row[2:] for name, row in TABLE.items()}


def test_sql_is_the_brute_force_scan(warehouse: Bench) -> None:
    """Prevents SQL that differs from the twin on any timeline, whatever the order in which its runs were landed."""
    drawn = draw(CASES)
    sessions = by_session(drawn, PLANES_A_SESSION)
    files = [write_session(warehouse.folder / name, planes) for name, planes in sessions.items()]
    orders = list(itertools.permutations((1, 2, 3)))
    # every session lands its runs in another order, and the first build sees only some of them
    for landed in range(3):
        paths = [path for number, runs in enumerate(files) for path in runs[orders[number % 6][landed]]]
        assert {result["status"] for result in warehouse.land(*paths)} == {"landed"}
        if landed == 1:
            warehouse.run_models(*MODELS)
    warehouse.run_models(*MODELS)
    assert compare_with_expected(partial(warehouse.query, role="bi"), sessions) >= len(drawn)


def contents(warehouse: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the marts of the phase keys hold."""
    found = {mart: warehouse.query(f"select * from {{marts}}.{mart}", role="bi") for mart in MARTS}
    return {mart: sorted(rows, key=repr) for mart, rows in found.items()}


def without_loads(spans: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Leave out which load a span came from: sessions land their runs in different orders."""
    return [(*span[:-2], span[-1]) for span in spans]


@pytest.mark.layouts("four_schemas", "one_database")
def test_incremental_builds_are_a_full_build(warehouse: Bench) -> None:
    """Prevents tables that depend on the order of landing, on replaced runs, or on how often they were built."""
    planes = draw(24)
    orders = list(itertools.permutations((1, 2, 3)))
    names = [f"order_{''.join(map(str, order))}" for order in orders]
    files = {name: write_session(warehouse.folder / name, planes) for name in names}
    for landed in range(3):
        for name, order in zip(names, orders, strict=True):
            warehouse.land(*files[name][order[landed]])
        warehouse.run_models(*MODELS)
    incremental = contents(warehouse)
    for mart, rows in (incremental | {"op_state_spans": without_loads(incremental["op_state_spans"])}).items():
        by_session = {name: [row[1:] for row in rows if row[0] == name] for name in names}
        assert all(found == by_session[names[0]] for found in by_session.values()), mart
    warehouse.run_models(*MODELS, "--full-refresh")
    assert contents(warehouse) == incremental

    # one run is stated again, one without a row, and one plane less
    changed = [Case(case.statements[1:], case.proposals[1:], case.noise) for case in planes[:-1]]
    again = write_session(warehouse.folder / names[0], changed)
    warehouse.land(*again[2])
    # without the spans that it is made from, it would be built from stale ones
    changes = ("int_landing__load_changes", "int_phase_keys__timeline_changes", "int_phase_keys__proposal_changes")
    with pytest.raises(AssertionError, match="'proposal_phase_keys': 'error'"):
        warehouse.run_models("--select", *changes, "proposal_phase_keys", "proposer_log_mismatches")
    empty = warehouse.write(f"{names[1]}/op_state_timeline_{run_id(1)}.csv", "start,end,die,plane,op_state,op_name\n")
    warehouse.land(empty)
    warehouse.run_models(*MODELS)
    incremental = contents(warehouse)
    warehouse.run_models(*MODELS, "--full-refresh")
    assert contents(warehouse) == incremental


def test_a_build_leaves_alone_what_a_new_run_cannot_change(warehouse: Bench) -> None:
    """Prevents each new run costing a rebuild of all that ever landed."""
    early = Case(
        [Statement(start, start + 5, E, "CORE_BUSY", 1) for start in range(0, 1000, 10)],
        [Proposal(at, 1) for at in range(0, 1000, 7)],
    )
    late = Case([Statement(1000, 1005, P, "ISSUE", 2)], [Proposal(1003, 2)])
    first = write_session(warehouse.folder / "s", [early], runs=1)
    second = write_session(warehouse.folder / "s2", [late], runs=2)
    warehouse.land(*first[1], "--session", "s")
    warehouse.run_models(*MODELS)
    # a mark on each row, which only a rebuild of the row takes away
    warehouse.query("update {staging}.int_phase_keys__segments set row_no = -1 where start_tick >= 0", role="dbt")
    warehouse.query("update {marts}.proposal_phase_keys set op_uid = 'MARKED' where row_no > 0", role="dbt")
    warehouse.land(*second[2], "--session", "s")
    warehouse.run_models(*MODELS)
    spans = warehouse.query("select start_tick from {marts}.op_state_spans where row_no <> -1", role="bi")
    keys = warehouse.query("select propose_tick from {marts}.proposal_phase_keys where op_uid <> 'MARKED'", role="bi")
    assert sorted(spans) == [(1000,)]  # and of the last one before it only the neighbour
    assert keys == [(1003,)]
    assert warehouse.query(
        "select next_start_tick, virtual_end_until_tick from {marts}.op_state_spans where start_tick = 990", role="bi"
    ) == [(1000, 1000)]


@pytest.mark.layouts("four_schemas", "one_database")
def test_the_real_example(warehouse: Bench, nand_example: Path) -> None:
    """Prevents another answer than the simulator's own lookup gave, for any row of its two runs."""
    landed = warehouse.land(nand_example)
    assert Counter(result["status"] for result in landed) == {"landed": 8, "ignored": 4}
    assert set(warehouse.build(*MODELS, "models/audit").values()) == {"pass", "success"}
    for run in ("261122_0000001", "261122_0000002"):
        found = warehouse.query(
            "select row_no, phase_key_covering, phase_key_before, coalesce(op_state, '') "
            "from {marts}.proposal_phase_keys where run_id = %s order by row_no",
            run,
            role="bi",
        )
        with (nand_example / f"expected_phase_keys_{run}.csv").open(newline="") as file:
            answers = [tuple(row.values()) for row in csv.DictReader(file)]
        assert [(str(row), *rest) for row, *rest in found] == answers
        # its own counts are those of `before`: the same file, byte for byte
        name = f"phase_proposal_counts_{run}.csv"
        place = ("--session", nand_example.name, "--run", run, "--out", warehouse.folder)
        assert warehouse.run("export", "phase-counts", *place).exit_code == 0
        assert (warehouse.folder / name).read_bytes() == (nand_example / name).read_bytes()
        # and under `covering` an operation sees itself: no count has a gap's key any more
        assert warehouse.run("export", "phase-counts", *place, "--boundary", "covering").exit_code == 0
        with (warehouse.folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert sum(int(row["count"]) for row in rows) == len(answers)
        assert Counter(row["phase_key_virtual"] for row in rows).keys() == {answer[1] for answer in answers}


def test_both_boundaries_are_counted(warehouse: Bench) -> None:
    """Prevents a mart that counts by one boundary only, or by the other one."""
    case = Case([Statement(0, 5, E, "CORE_BUSY", 1), Statement(7, 9, P, "ISSUE", 1)], [Proposal(7, 1)])
    write_session(warehouse.folder / "s", [case], runs=1)
    warehouse.land(warehouse.folder / "s")
    warehouse.run_models(*MODELS)
    counts = "select boundary, phase_key_virtual, count from {marts}.phase_proposal_counts order by boundary"
    shares = "select boundary, phase_key, share_of_phase_key from {marts}.op_state_op_name_counts order by boundary"
    assert warehouse.query(counts, role="bi") == [("before", "ERASE.END", 1), ("covering", "PROGRAM_SLC.ISSUE", 1)]
    assert warehouse.query(shares, role="bi") == [("before", "ERASE.END", 1.0), ("covering", "PROGRAM_SLC.ISSUE", 1.0)]


def test_a_run_that_grows_is_ranked_from_its_first_new_row_on(warehouse: Bench) -> None:
    """Prevents a run that is landed again every week, each time longer, costing a rebuild of all of it."""
    statements = [Statement(start, start + 5, E, "CORE_BUSY", 1) for start in range(0, 1000, 10)]
    proposals = [Proposal(at, 1) for at in range(3, 1000, 10)]
    files = write_session(warehouse.folder / "s", [Case(statements[:90], proposals[:90])], runs=1)
    warehouse.land(*files[1])
    warehouse.run_models(*MODELS)
    warehouse.query("update {staging}.int_phase_keys__segments set row_no = -1 where start_tick >= 0", role="dbt")
    warehouse.query("update {marts}.proposal_phase_keys set op_uid = 'MARKED' where row_no > 0", role="dbt")
    files = write_session(warehouse.folder / "s", [Case(statements, proposals)], runs=1)
    warehouse.land(*files[1])
    warehouse.run_models(*MODELS)
    ranked = "select count(*), min(start_tick) from {marts}.op_state_spans where row_no > 0"
    assert warehouse.query(ranked, role="bi") == [(10, 900)]
    again = "select count(*), min(propose_tick) from {marts}.proposal_phase_keys where op_uid <> 'MARKED'"
    # with the one that fell into the gap behind the last segment, which was open
    assert warehouse.query(again, role="bi") == [(10, 903)]
    loads = "select distinct load_id from {marts}.op_state_spans"
    active = "select load_id from {landing}.landing_loads where kind = 'nand_op_state_timeline' and status = 'landed'"
    assert warehouse.query(loads, role="bi") == warehouse.query(active)


def test_the_proposers_log(warehouse: Bench) -> None:
    """Prevents a used key that the proposer never chose going unnoticed, or one that it did choose reported."""
    log = "\n".join(
        [
            "# proposer debug log",
            "[proposer] phase_key: now=0.070 die=0 plane=0 rm_state=None hook_label=DEFAULT -> key=OTHER.KEY",
            "[proposer] selected op=Delay base=NOP start_us=0.070 len_batch=1",
            "[proposer] phase_key: now=0.070 die=0 plane=0 rm_state=None hook_label=DEFAULT -> key=USED.KEY",
            "[proposer] dist for key=USED.KEY: {}",
            "[proposer] selected op=op base=OP start_us=0.070 len_batch=2",
            "[proposer] phase_key: now=0.080 die=0 plane=0 rm_state=None hook_label=DEFAULT -> key=WRONG.KEY",
            "[proposer] selected op=op base=OP start_us=0.080 len_batch=1",
            "[proposer] phase_key: now=0.090 die=0 plane=0 rm_state=None hook_label=DEFAULT -> key=USED.KEY",
            "",
        ]
    )
    case = Case([], [Proposal(at, 1, has_hook) for at, has_hook in ((7, True), (8, True), (9, True), (10, False))])
    write_session(warehouse.folder / "s", [case], runs=1)
    warehouse.land(warehouse.folder / "s")
    mismatches = "select row_no, phase_key_used, logged_phase_key, logged_line_no from {marts}.proposer_log_mismatches"
    warehouse.run_models(*MODELS)
    assert warehouse.query(mismatches, role="bi") == []  # no log, nothing to compare
    warehouse.write(f"s/proposer_debug_{run_id(1)}.log", log)
    warehouse.land(warehouse.folder / "s")
    warehouse.run_models(*MODELS)
    # the wrong key, and the choice of which nothing came; a proposal without its hook cannot be looked up
    assert sorted(warehouse.query(mismatches, role="bi")) == [
        (2, "USED.KEY", "WRONG.KEY", 7),
        (3, "USED.KEY", None, None),
    ]
    with pytest.raises(AssertionError, match="every_used_phase_key_is_in_the_log"):
        warehouse.build("--select", "proposer_log_mismatches")


def test_a_virtual_segment_in_landing_fails_the_build(warehouse: Bench) -> None:
    """Prevents `.END` written into the landed timeline by other means, and counted as something that happened."""
    write_session(warehouse.folder / "s", [Case([Statement(0, 5, E, "ISSUE", 1)], [])], runs=1)
    warehouse.land(warehouse.folder / "s")
    warehouse.run_models(*MODELS)
    warehouse.query("update {landing}.nand_op_state_timeline set op_state = 'ERASE.END'")
    with pytest.raises(AssertionError, match="no_landed_segment_is_virtual"):
        warehouse.build("--select", "stg_nand__op_state_segments")


def test_the_phase_key_command(warehouse: Bench) -> None:
    """Prevents another answer on the command line than in the tables, silence about what was not built, tracebacks."""
    planes = [table_case(segments, at) for segments, at, _, _ in TABLE.values()]
    write_session(warehouse.folder / "table", planes, runs=1)
    cursor = ("phase-key", "--session", "table")
    first = ("--die", "0", "--plane", "0", "--at")
    assert "there is no session `table`" in warehouse.run(*cursor, *first, "1").output
    warehouse.land(warehouse.folder / "table")
    early = warehouse.run(*cursor, *first, "1")
    assert (early.exit_code, "afterstate build" in early.output) == (1, True)
    warehouse.run_models(*MODELS)
    for number, (name, (_, at, *keys)) in enumerate(TABLE.items()):
        die, plane = place_of(number)
        for boundary, key in zip(BOUNDARIES, keys, strict=True):
            place = ("--die", str(die), "--plane", str(plane), "--at", repr(microseconds(at)), "--boundary", boundary)
            assert warehouse.run(*cursor, *place).stdout == f"{key}\n", (name, boundary)
    assert warehouse.run(*cursor, "--die", "99", "--plane", "0", "--at", "1").stdout == "DEFAULT\n"
    for odd in ("nan", "inf", "1e300", "x"):
        assert warehouse.run(*cursor, *first, odd).exit_code == 2
    unknown = warehouse.run("export", "phase-counts", "--session", "table", "--run", "nope", "--out", warehouse.folder)
    assert (unknown.exit_code, run_id(1) in unknown.output) == (1, True)
    nothing = Case([], [])
    write_session(warehouse.folder / "empty", [nothing], runs=1)
    warehouse.land(warehouse.folder / "empty")
    warehouse.run_models(*MODELS)
    out = warehouse.folder / "out"
    place = ("--session", "empty", "--run", run_id(1), "--out", out)
    assert warehouse.run("export", "phase-counts", *place).exit_code == 0
    (file,) = out.iterdir()
    assert file.read_text() == "phase_key_used,phase_key_virtual,die,plane,propose_time,op_name,count\n"


def test_the_acceptance_table_names_tests_that_exist() -> None:
    """Prevents a table of the plan's points that shows tests which nobody runs any more."""
    text = (ROOT / "docs" / "phase-keys.md").read_text()
    names = set(re.findall(r"`(test_\w+)`", text))
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert names
    assert [name for name in sorted(names) if f"def {name}(" not in source] == []


def test_a_server_killed_while_replacing_loses_and_doubles_nothing(own_server: Bench) -> None:
    """Prevents a build that dies between deleting, inserting and marking, and a next one that takes it for done."""
    planes = draw(24)
    files = write_session(own_server.folder / "chip", planes)
    own_server.land(*files[1])
    own_server.run_models(*MODELS)
    dice = random.Random(5)
    interrupted = 0
    for number in range(KILLS):
        run = 2 + number % 2
        # a run stated again each time: the header with another unknown column is another file
        for path in files[run]:
            lines = path.read_text().splitlines()
            path.write_text("\n".join([f"{lines[0]},note_{number}", *(f"{line},x" for line in lines[1:]), ""]))
        own_server.land(*files[run])
        interrupted += interrupt_build(own_server, dice, *MODELS)
    print(f"{interrupted} of {KILLS} builds were interrupted")
    assert interrupted * 2 >= KILLS
    own_server.run_models(*MODELS)
    found = contents(own_server)
    own_server.run_models(*MODELS, "--full-refresh")
    assert contents(own_server) == found
