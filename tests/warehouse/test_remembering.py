"""When a snapshot takes its inputs, and that nothing changes what it has taken (design section 4)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any

import pymysql
import pytest

from afterstate.warehouse.connect import connect
from tests.bench import WITHOUT_TESTS, Bench, Server
from tests.server.helpers import as_admin, private_home, up
from tests.server.test_unfriendly import Settings, started_with
from tests.warehouse.scenarios import base_files
from tests.warehouse.scenarios import csv as csv_text

KINDS = ("events", "trace", "fallback", "reservation")
TAKEN_AT = ("event_taken_at", "trace_taken_at", "fallback_taken_at", "reservation_taken_at")
MEMORY_ALONE = ("--select", "+shutdown_state_snapshot")
STATE = (
    "case_id, antibody_id, shutdown_step, shutdown_trigger_final, SoMS_cumsum_window, action_toggle_rate, "
    "blocked_rate_window, veto_streak, fallback_stage, fallback_reason_code, fallback_score, reservation_status, "
    "reservation_reason_code, risk_score_total"
)


def build_memory(warehouse: Bench) -> None:
    """Build the snapshots and what they need, without tests."""
    warehouse.build(*WITHOUT_TESTS, *MEMORY_ALONE)


def orders(kinds: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
    """Yield every way to land files in groups, one group after the other."""
    if not kinds:
        yield []
    for size in range(1, len(kinds) + 1):
        for group in combinations(kinds, size):
            for rest in orders([kind for kind in kinds if kind not in group]):
                yield [group, *rest]


def memory(warehouse: Bench) -> dict[str, dict[str, Any]]:
    """Return what is remembered, by run and column."""
    columns = ["run_id", "id", *TAKEN_AT, *STATE.split(", ")]
    found = warehouse.query(f"select {', '.join(columns)} from {{marts}}.shutdown_snapshot_memory", role="bi")
    return {row[0]: dict(zip(columns, row, strict=True)) for row in found}


def test_every_order_of_landing_ends_in_the_same_snapshot(warehouse: Bench) -> None:
    """Prevents a build between two files of a run that freezes half of its state, or takes a part of it twice.

    All 75 ways to land the four files in groups go side by side, each as a run of its own; a round lands one group of
    every run, in a file for each kind, and builds.
    """
    ways = {f"way_{number}": way for number, way in enumerate(orders(KINDS))}
    assert len(ways) == 75
    seen: dict[str, dict[str, Any]] = {}
    for turn in range(len(KINDS)):
        for kind in KINDS:
            texts = [base_files(run)[kind] for run, way in ways.items() if turn < len(way) and kind in way[turn]]
            if texts:
                lines = [line for text in texts for line in text.splitlines()[1:]]
                warehouse.write(f"turn_{turn}/{kind}.csv", csv_text(texts[0].splitlines()[0], *lines))
        warehouse.land(warehouse.folder / f"turn_{turn}")
        build_memory(warehouse)
        for run, now in memory(warehouse).items():
            before = seen.get(run, {})
            taken = {kind for group in ways[run][: turn + 1] for kind in group}
            assert [now[name] is not None for name in TAKEN_AT] == [kind in taken for kind in KINDS]
            assert all(now[name] == before[name] for name in TAKEN_AT if before.get(name))
            assert now["id"] == before.get("id", now["id"])
            seen[run] = now
    states = warehouse.query(f"select distinct {STATE} from {{marts}}.shutdown_state_snapshot", role="bi")
    assert len(states) == 1
    ((count, distinct),) = warehouse.query(
        "select count(*), count(distinct run_id) from {marts}.shutdown_state_snapshot", role="bi"
    )
    assert (count, distinct) == (75, 75)
    times = warehouse.query(
        "select count(*) from {marts}.shutdown_state_snapshot join {marts}.shutdown_snapshot_memory using (id) "
        "where snapshot_created_at = trace_taken_at",
        role="bi",
    )
    assert times == [(75,)]


def test_an_input_that_is_corrected_before_the_others_come_stays_as_it_was_taken(warehouse: Bench) -> None:
    """Prevents a snapshot that still waits for one input changing in those that it has."""
    files = base_files("run")
    for kind in ("events", "fallback"):
        warehouse.write(f"first/{kind}.csv", files[kind])
    warehouse.land(warehouse.folder / "first")
    build_memory(warehouse)
    first = memory(warehouse)["run"]
    warehouse.write("second/events.csv", files["events"].replace("CORE8", "CORE9"))
    warehouse.write("second/fallback.csv", files["fallback"].replace("REASON_21", "REASON_LATER"))
    warehouse.write("second/trace.csv", files["trace"])
    warehouse.land(warehouse.folder / "second")
    build_memory(warehouse)
    second = memory(warehouse)["run"]
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {
        "trace_taken_at", "SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak"
    }  # fmt: skip


def test_a_memory_of_an_older_afterstate_is_migrated(warehouse: Bench) -> None:
    """Prevents an upgrade that loses what is remembered, forgets since when, or leaves old gaps open."""
    for run in ("whole", "gap", "waiting"):
        for kind, text in base_files(run).items():
            warehouse.write(f"{run}/{kind}.csv", text)
    warehouse.land(warehouse.folder / "whole")
    warehouse.land(*(warehouse.folder / "gap" / f"{kind}.csv" for kind in ("events", "trace", "fallback")))
    warehouse.land(warehouse.folder / "waiting" / "events.csv")
    build_memory(warehouse)
    taken = memory(warehouse)
    as_it_was_in_0_1(warehouse)
    warehouse.land(warehouse.folder / "gap", warehouse.folder / "waiting")
    warehouse.write("later/trace.csv", base_files("gap")["trace"].replace(",2.1,", ",9.9,"))
    warehouse.land(warehouse.folder / "later")
    build_memory(warehouse)
    migrated = memory(warehouse)
    assert migrated["whole"] == taken["whole"]
    assert migrated["gap"]["SoMS_cumsum_window"] == 2.1
    assert migrated["gap"]["trace_taken_at"] == taken["gap"]["trace_taken_at"]
    assert migrated["gap"]["reservation_status"] == "NONE"
    assert migrated["gap"]["reservation_taken_at"] > migrated["gap"]["trace_taken_at"]
    assert migrated["waiting"]["event_taken_at"] == taken["waiting"]["event_taken_at"]
    assert None not in migrated["waiting"].values()
    columns = warehouse.query(
        "select column_name, is_nullable, column_comment <> '' from information_schema.columns "
        "where table_schema = '{marts}' and table_name = 'shutdown_snapshot_memory'",
        role="bi",
    )
    assert {name for name, *_ in columns} == {"snapshot_rule_id", *taken["whole"]}
    assert ("event_taken_at", "NO", 1) in columns
    build_memory(warehouse)
    assert memory(warehouse) == migrated


def as_it_was_in_0_1(warehouse: Bench) -> None:
    """Bring the memory back to the columns that Afterstate 0.1 had; a build died in the middle of migrating it."""
    inputs = ("trace", "fallback", "reservation")
    flags = ", ".join(f"add column is_{name}_found boolean" for name in inputs)
    unfreeze = "set @afterstate_unfreeze = 1"
    statements = [
        f"alter table {{marts}}.shutdown_snapshot_memory add column snapshot_created_at datetime(6), {flags}",
        "update {marts}.shutdown_snapshot_memory set snapshot_created_at = coalesce(trace_taken_at, event_taken_at), "
        + ", ".join(f"is_{name}_found = {name}_taken_at is not null" for name in inputs),
        "update {marts}.shutdown_snapshot_memory set trace_taken_at = null, fallback_taken_at = null",
    ]
    marts = warehouse.warehouse.schemas.marts
    with closing(connect(warehouse.warehouse.dbt)) as connection, connection.cursor() as cursor:
        for statement in (unfreeze, *statements):
            cursor.execute(statement.format(marts=marts))
        connection.commit()


def test_a_build_that_was_overtaken_changes_nothing(warehouse: Bench) -> None:
    """Prevents of two builds, the one that looked first and wrote last putting its older NULLs over a frozen row.

    The test holds the row while the build has made its rows and waits to write them, and does then what the other build
    would do.
    """
    files = base_files("run")
    warehouse.land(warehouse.write("events.csv", files["events"]))
    build_memory(warehouse)
    warehouse.land(warehouse.write("trace.csv", files["trace"]))
    marts = warehouse.warehouse.schemas.marts
    with ThreadPoolExecutor() as pool, closing(connect(warehouse.warehouse.dbt)) as other, other.cursor() as cursor:
        cursor.execute(f"select id from `{marts}`.shutdown_snapshot_memory for update")
        (number,) = cursor.fetchone()
        slow = pool.submit(build_memory, warehouse)
        wait_for_statement(warehouse, "on duplicate key update")
        cursor.execute(
            f"update `{marts}`.shutdown_snapshot_memory set trace_taken_at = '2026-01-08 09:27:18.936677', "
            "SoMS_cumsum_window = 7.2, action_toggle_rate = null, blocked_rate_window = 0.5, veto_streak = 3 "
            "where id = %s",
            (number,),
        )
        other.commit()
        slow.result()
    frozen = memory(warehouse)["run"]
    assert [frozen[name] for name in STATE.split(", ")[4:8]] == [7.2, None, 0.5, 3]
    assert frozen["trace_taken_at"].microsecond == 936677


def wait_for_statement(warehouse: Bench, part: str) -> None:
    """Wait until the server works on a statement of dbt's account that has this part."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with closing(connect(warehouse.server.admin)) as admin, admin.cursor() as cursor:
            cursor.execute("select count(*) from information_schema.processlist where info like %s", (f"%{part}%",))
            # this question is one of them
            if cursor.fetchone()[0] > 1:
                return
        time.sleep(0.05)
    raise AssertionError(f"no statement with `{part}`")


TRIGGERS = (
    "select trigger_name, definer from information_schema.triggers where event_object_schema = '{marts}' "
    "and event_object_table = 'shutdown_snapshot_memory' order by 1"
)
FORBIDDEN = (
    "update {marts}.shutdown_snapshot_memory set SoMS_cumsum_window = 9.9",
    "update {marts}.shutdown_snapshot_memory set SoMS_cumsum_window = null",
    "update {marts}.shutdown_snapshot_memory set trace_taken_at = null",
    "update {marts}.shutdown_snapshot_memory set shutdown_trigger_final = 'X'",
    "update {marts}.shutdown_snapshot_memory set run_id = 'other'",
    "update {marts}.shutdown_snapshot_memory set id = id + 1",
    "delete from {marts}.shutdown_snapshot_memory",
)


def test_the_server_keeps_what_is_frozen(warehouse: Bench) -> None:
    """Prevents an UPDATE or DELETE by hand, in dbt's account or an administrator's, that nobody hears of."""
    files = base_files("run")
    for kind in ("events", "trace"):
        warehouse.write(f"{kind}.csv", files[kind])
    warehouse.land(warehouse.folder)
    build_memory(warehouse)
    before = memory(warehouse)
    for account in (warehouse.warehouse.dbt, warehouse.server.admin):
        with closing(connect(account)) as connection, connection.cursor() as cursor:
            for statement in FORBIDDEN:
                with pytest.raises(pymysql.MySQLError, match="see `afterstate retake`"):
                    cursor.execute(statement.format(marts=warehouse.warehouse.schemas.marts))
            connection.commit()
    assert memory(warehouse) == before
    # what is awaited is not frozen
    warehouse.query("update {marts}.shutdown_snapshot_memory set risk_score_total = 0.5", role="dbt")


def test_triggers_of_another_maker_are_made_again(warehouse: Bench) -> None:
    """Prevents builds that fail (error 1449) when the account that made the triggers is gone."""
    build_memory(warehouse)
    marts = warehouse.warehouse.schemas.marts
    before = warehouse.query(TRIGGERS, role="dbt")
    assert len(before) == 2
    with closing(connect(warehouse.server.admin)) as admin, admin.cursor() as cursor:
        name = before[0][0]
        cursor.execute(f"drop trigger `{marts}`.`{name}`")
        cursor.execute("create user 'gone'@'%' identified by 'Gone-1-gone'")
        cursor.execute(f"grant all privileges on `{marts}`.* to 'gone'@'%'")
        cursor.execute(
            f"create definer = 'gone'@'%' trigger `{marts}`.`{name}` before delete on "
            f"`{marts}`.shutdown_snapshot_memory for each row set @x = 1"
        )
        cursor.execute("drop user 'gone'@'%'")
    build_memory(warehouse)
    assert warehouse.query(TRIGGERS, role="dbt") == before


def test_where_nobody_may_make_triggers_the_write_keeps_what_is_frozen(server: Server, tmp_path: Path) -> None:
    """Prevents builds that fail (error 1419) on a MySQL as it is installed, whose binary log forbids triggers."""
    settings: Settings = {"log_bin": "binlog", "server_id": 1}
    with started_with(settings), private_home(server, tmp_path) as bench:
        up(bench)
        warehouse = Bench(bench.server, bench.environment, tmp_path / "files")
        for value in ("2.1", "9.9"):
            warehouse.land(warehouse.write(f"{value}/events.csv", base_files("run")["events"]))
            trace = base_files("run")["trace"].replace(",2.1,", f",{value},")
            warehouse.land(warehouse.write(f"{value}/trace.csv", trace))
            build_memory(warehouse)
        assert memory(warehouse)["run"]["SoMS_cumsum_window"] == 2.1
        assert warehouse.query(TRIGGERS, role="dbt") == []
        said = warehouse.run("status").stdout
        assert "an UPDATE by hand could change frozen values" in said
        as_admin(warehouse, said[said.index("set global") :].partition("`")[0])
        build_memory(warehouse)
        assert len(warehouse.query(TRIGGERS, role="dbt")) == 2
        assert "an UPDATE by hand could change frozen values" not in warehouse.run("status").stdout
