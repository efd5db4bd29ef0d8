"""`afterstate withdraw`: what holds no longer, what active again, what stays, and that a file can come back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

import pymysql
import pytest

from afterstate.warehouse.connect import connect
from tests.bench import LAYER_TABLE, ROOT, Bench
from tests.loaders.helpers import TRACE_KIND, trace
from tests.server.helpers import start_command

TIMELINE = "start,end,die,plane,op_state,op_name\n"
PROPOSALS = "start_us,end_us,die,plane,op_name,op_base,op_uid\n5,6,0,0,READ,READ,1\n"
SPANS = "select end_us from {marts}.op_state_spans order by start_tick"
KEYS = "select phase_key_before from {marts}.proposal_phase_keys"
PHASE_KEY = ("phase-key", "--session", "chip", "--die", "0", "--plane", "0", "--at", "5")
NAND = ("--select", "tag:nand")
CORE = ("--select", "tag:core")


def statuses(bench: Bench) -> list[str]:
    return [status for (status,) in bench.query("select status from {landing}.landing_loads order by load_id")]


def withdraw(bench: Bench, *arguments: str | Path) -> list[tuple[int, str]]:
    """Withdraw without being asked, and give the loads that have another status now."""
    result = bench.run("withdraw", *arguments, "--yes", "--json")
    assert result.exit_code == 0, result.output
    return [(load["load_id"], load["status"]) for load in json.loads(result.stdout)]


def timeline(bench: Bench, end: int, folder: str = "chip", run: str = "261122_1") -> Path:
    return bench.write(f"{folder}/op_state_timeline_{run}.csv", f"{TIMELINE}0,{end},0,0,READ.ISSUE,READ\n")


def states(bench: Bench) -> list[tuple[Any, ...]]:
    """Return the traces that staging holds for true."""
    return bench.query("select step, SoMS_cumsum_window from {staging}.stg_core__state_trace order by 1", role="dbt")


def test_it_says_what_it_will_do_and_does_nothing_unasked(warehouse: Bench) -> None:
    """Prevents a file from going by a slip of the finger, or by a script that nobody gave leave."""
    first = warehouse.write("1.csv", trace([(1, 1)]))
    warehouse.land(first)
    warehouse.land(warehouse.write("2.csv", trace([(1, 2)])))
    before = statuses(warehouse)
    looked = warehouse.run("withdraw", "2", "--dry-run")
    assert looked.stdout.splitlines() == [
        f"withdraw    load 2: core8_state_trace: 1 rows  {warehouse.folder / '2.csv'}",
        f"reactivate  load 1: core8_state_trace: 1 rows  {first}",
        "loads to withdraw: 1; their rows: 1",
    ]
    unasked = warehouse.run("withdraw", "2")
    assert (unasked.exit_code, unasked.stdout) == (2, looked.stdout)
    assert "cannot ask for confirmation: no terminal\n  use `--yes` to confirm, `--dry-run` to look" in unasked.stderr
    for arguments, message in (
        ((), "name a load, a file, or `--session NAME`"),
        (("7",), "there is no load 7"),
        (("2", "--json"), "cannot ask for confirmation"),
        (("--session", "chip"), "no load of session `chip` is active"),
        ((warehouse.write("3.csv", trace([(1, 3)])),), "has not landed"),
    ):
        refused = warehouse.run("withdraw", *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert message in refused.stderr
    assert statuses(warehouse) == before
    asked = warehouse.run("withdraw", "2", "--yes")
    assert asked.stdout.splitlines()[:3] == looked.stdout.splitlines()
    assert statuses(warehouse) == ["landed", "withdrawn"]


def test_a_file_is_known_by_its_content_then_by_its_path(warehouse: Bench) -> None:
    """Prevents this week's file from going in the place of last week's, which had the same name."""
    file = warehouse.write("t.csv", trace([(1, 1)]))
    warehouse.land(file)
    warehouse.land(warehouse.write("t.csv", trace([(1, 2)])))
    warehouse.write("t.csv", trace([(1, 3)]))
    refused = warehouse.run("withdraw", file)
    assert "other contents have landed from there, as load 1, 2: name one by its number" in refused.stderr
    file.unlink()
    assert "means 2 loads: 1, 2" in warehouse.run("withdraw", file).stderr
    assert withdraw(warehouse, warehouse.write("copy.csv", trace([(1, 2)]))) == [(2, "withdrawn"), (1, "landed")]
    assert withdraw(warehouse, file) == [(1, "withdrawn")]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_core_loads_in_every_order(common: Bench, order: tuple[int, ...]) -> None:
    """Prevents a status, or a key, from being other than if the withdrawn loads had never landed."""
    run = f"{common.folder.name}{order}"
    contents = {
        1: trace([(1, 11), (2, 12), (3, 13)], run),
        2: trace([(1, 21), (2, 22)], run),
        3: trace([(2, 32), (3, 33)], run),
    }
    landed = {
        number: common.land(common.write(f"{number}.csv", text))[0]["load_id"] for number, text in contents.items()
    }
    there = dict(contents)
    for number in order:
        withdraw(common, str(landed[number]))
        del there[number]
        peace = {1: {1, 2, 3}, 2: {1, 2}, 3: {2, 3}}
        later = {n: set().union(*(peace[m] for m in there if m > n), set()) for n in there}
        expected = {landed[n]: "superseded" if peace[n] <= later[n] else "landed" for n in there}
        marks = ", ".join(str(landed[n]) for n in contents)
        found = dict(common.query(f"select load_id, status from {{landing}}.landing_loads where load_id in ({marks})"))
        assert found == {landed[n]: expected.get(landed[n], "withdrawn") for n in contents}


def test_a_file_comes_back_as_a_new_load_and_lands_once(warehouse: Bench) -> None:
    """Prevents a withdrawn file from being lost for good; and the same content from standing there twice."""
    file = warehouse.write("t.csv", trace([(1, 1), ("x", 2)]))
    for number in (1, 2, 3):
        assert [(load["status"], load["load_id"]) for load in warehouse.land(file)] == [("landed", number)]
        assert warehouse.land(file)[0]["status"] == "unchanged"
        if number < 3:
            assert withdraw(warehouse, file) == [(number, "withdrawn")]
    assert statuses(warehouse) == ["withdrawn", "withdrawn", "landed"]
    copy = (
        "insert into {landing}.landing_loads (kind, file_path, file_bytes, content_sha256, header, started_at, status) "
        "select kind, file_path, file_bytes, content_sha256, header, started_at, status "
        "from {landing}.landing_loads where load_id = 3"
    )
    with pytest.raises(pymysql.IntegrityError):
        warehouse.query(copy)


@pytest.mark.layouts("four_schemas", "one_database")
def test_the_marts_follow_and_what_is_frozen_stays(warehouse: Bench) -> None:
    """Prevents a mart that shows what was taken back, and a memory that forgets because of it."""
    warehouse.land(ROOT / "samples" / "core")
    file = warehouse.write("wrong.csv", trace([(21, 99)], run="core7_04_1767776352"))
    warehouse.build_without_tests(*CORE)
    frozen = warehouse.query("select * from {marts}.shutdown_state_snapshot", role="bi")
    before = states(warehouse)
    warehouse.land(file)
    assert (21, 99.0) in states(warehouse)
    withdraw(warehouse, file)
    assert states(warehouse) == before
    (trace_load,) = (
        number
        for number, kind in warehouse.query("select load_id, kind from {landing}.landing_loads where load_id < 5")
        if kind == TRACE_KIND
    )
    assert withdraw(warehouse, str(trace_load)) == [(trace_load, "withdrawn")]
    assert states(warehouse) == []
    built = warehouse.build(*CORE, "models/audit", "assert_loads_hold_their_rows")
    assert built["assert_loads_hold_their_rows"] == "pass"
    assert warehouse.query("select * from {marts}.shutdown_state_snapshot", role="bi") == frozen
    assert warehouse.query("select count(*) from {marts}.post_shutdown_timeline", role="bi") == [(0,)]
    history = "select count(*) from {audit}.core_state_trace_history"
    assert warehouse.query(history, role="bi") == [(0,)]


def test_a_run_that_was_stated_anew_holds_again(warehouse: Bench) -> None:
    """Prevents a withdrawn timeline from staying in the marts, and the one before it from staying away."""
    warehouse.land(timeline(warehouse, 5))
    warehouse.land(warehouse.write("chip/proposal_rows_261122_1.csv", PROPOSALS))
    warehouse.build_without_tests(*NAND)
    assert (warehouse.query(SPANS, role="bi"), warehouse.query(KEYS, role="dbt")) == ([(5.0,)], [("READ.END",)])
    warehouse.land(timeline(warehouse, 7))
    warehouse.build_without_tests(*NAND)
    assert (warehouse.query(SPANS, role="bi"), warehouse.query(KEYS, role="dbt")) == ([(7.0,)], [("DEFAULT",)])
    assert withdraw(warehouse, "3") == [(3, "withdrawn"), (1, "landed")]
    assert "run `afterstate build` first" in warehouse.run(*PHASE_KEY).output
    warehouse.build_without_tests(*NAND)
    assert (warehouse.query(SPANS, role="bi"), warehouse.query(KEYS, role="dbt")) == ([(5.0,)], [("READ.END",)])
    assert withdraw(warehouse, "--session", "chip", "--run", "261122_1") == [(1, "withdrawn"), (2, "withdrawn")]
    warehouse.build(*NAND)
    assert (warehouse.query(SPANS, role="bi"), warehouse.query(KEYS, role="dbt")) == ([], [])
    assert "there is no session `chip`" in warehouse.run(*PHASE_KEY).output
    assert warehouse.land(timeline(warehouse, 5))[0]["status"] == "landed"
    warehouse.build(*NAND)
    assert warehouse.query(SPANS, role="bi") == [(5.0,)]


def test_a_session_of_which_nothing_is_left_is_free(common: Bench) -> None:
    """Prevents the right folder from being refused because the wrong one of the same name was landed by mistake."""
    name = common.folder.name[-40:]
    wrong, right = (timeline(common, 5, folder=f"{place}/{name}") for place in ("wrong", "right"))
    other = timeline(common, 6, folder=f"wrong/{name}", run="261122_2")
    common.land(wrong, other)
    assert common.land(right)[0]["status"] == "failed"
    assert len(withdraw(common, "--session", name, "--run", "261122_1")) == 1
    assert common.land(right)[0]["status"] == "failed"  # the other run still holds
    withdraw(common, "--session", name)
    assert common.land(right)[0]["status"] == "landed"
    assert common.land(wrong)[0]["status"] == "failed"


def test_a_session_that_is_being_landed_is_not_given_away(common: Bench) -> None:
    """Prevents a load in a session that belongs to no folder: two timelines could be mixed."""
    name = common.folder.name[-40:]
    common.land(timeline(common, 5, folder=name))
    insert = (
        "insert into {landing}.landing_loads (kind, session_id, run_id, file_path, file_bytes, content_sha256, header, "
        f"started_at, status) values ('nand_op_state_timeline', '{name}', '261122_9', 'x', 1, '{name}', '[]', "
        "utc_timestamp(6), 'landed')"
    )
    with another_loader(common, insert) as loader:
        command = start_command(common, "withdraw", "--session", name, "--yes")
        wait_for(common, "landing_sessions")
        loader.commit()
        said, _ = command.communicate(timeout=60)
    assert command.returncode == 0, said
    assert common.query("select count(*) from {landing}.landing_sessions where session_id = %s", name) == [(1,)]


@contextmanager
def another_loader(bench: Bench, statement: str) -> Iterator[Any]:
    """Return a connection in the middle of a transaction that has done this."""
    named = LAYER_TABLE.sub(lambda match: bench.warehouse.table(match[1], match[2]), statement)
    with closing(connect(bench.warehouse.landing)) as loader:
        loader.query(named)
        yield loader


def wait_for(bench: Bench, word: str) -> None:
    """Wait until a statement with this word has been at work for a moment: it waits for a lock."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for row in bench.query("show full processlist"):
            if word in (row[7] or "") and "processlist" not in row[7] and row[5] >= 1:
                return
        time.sleep(0.1)
    raise AssertionError(f"no statement with `{word}` waits")


def test_what_was_pruned_does_not_hold_again_and_it_says_so(warehouse: Bench) -> None:
    """Prevents silence about what cannot come back, and a way back from being missing."""
    first, second = timeline(warehouse, 5).read_text(), timeline(warehouse, 6).read_text()
    for text in (first, second):
        warehouse.land(warehouse.write("chip/op_state_timeline_261122_1.csv", text))
    warehouse.land(warehouse.write("1.csv", trace([(1, 1)])))
    warehouse.land(warehouse.write("2.csv", trace([(1, 2)])))
    warehouse.run("prune", "--yes")
    assert statuses(warehouse) == ["pruned", "landed", "pruned", "landed"]
    said = warehouse.run("withdraw", "2", "--yes")
    assert "load 1 would become active again, but its rows were pruned: `afterstate withdraw 1`, t" in said.stderr
    assert "was pruned  load 1: " in said.stdout
    said = warehouse.run("withdraw", "4", "--yes")
    assert "rows of core8_state_trace were pruned (loads 3)" in said.stderr
    assert statuses(warehouse) == ["pruned", "withdrawn", "pruned", "withdrawn"]
    assert withdraw(warehouse, "1") == [(1, "pruned")]
    file = warehouse.write("chip/op_state_timeline_261122_1.csv", first)
    assert [(load["status"], load["load_id"]) for load in warehouse.land(file)] == [("landed", 5)]


def test_withdrawn_rows_can_be_pruned(warehouse: Bench) -> None:
    """Prevents rows that nobody reads from filling a disk, and a manifest that says they were there."""
    warehouse.land(warehouse.write("1.csv", trace([(1, 1)])))
    warehouse.land(warehouse.write("2.csv", trace([(1, 2), (2, 2)])))
    withdraw(warehouse, "2")
    assert warehouse.run("prune", "--yes").stdout.splitlines()[-1].startswith("removed 2 rows")
    assert statuses(warehouse) == ["landed", "pruned"]
    assert warehouse.run("withdraw", "2").exit_code == 2
    assert warehouse.land(warehouse.folder / "2.csv")[0]["status"] == "landed"
    built = warehouse.build(*CORE, "models/audit", "assert_loads_hold_their_rows")
    assert built["assert_loads_hold_their_rows"] == "pass"


def test_a_landing_after_a_withdrawal_supersedes_as_if_it_had_never_been(common: Bench) -> None:
    """Prevents a withdrawn load's rows from superseding others by the way."""
    run = common.folder.name
    loads = [
        common.land(common.write(f"{number}.csv", trace(rows, run)))[0]["load_id"]
        for number, rows in enumerate(([(1, 1), (2, 1)], [(1, 2)]))
    ]
    withdraw(common, str(loads[1]))
    [third] = common.land(common.write("3.csv", trace([(2, 3)], run)))
    found = common.query(
        "select status from {landing}.landing_loads where load_id in (%s, %s)", loads[0], third["load_id"]
    )
    assert found == [("landed",), ("landed",)]
