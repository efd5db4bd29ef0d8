"""One build of a warehouse at a time, and what is left of builds that end before their time.

Nothing here is left to luck: a build is stopped where it waits for a reader that the test holds.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle

import pytest

from afterstate.warehouse import build_lock
from afterstate.warehouse.build_lock import LOCK_NAME_CHARACTERS, SEATS, BuildLock, lock_name
from afterstate.warehouse.connect import connect
from afterstate.warehouse.dbt import NO_WAIT_VARIABLE
from tests.bench import ROOT, Bench
from tests.server.helpers import as_admin
from tests.warehouse.barriers import build_with_barriers
from tests.warehouse.builders import Build, builder, building, reading, statements, wait_until

SEGMENTS = ("--select", "+op_state_spans", "+proposal_phase_keys")
COVERAGE = ("--select", "shutdown_snapshot_coverage")
MEMORY = ("--select", "+shutdown_state_snapshot")
EVENT = "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final\nweek2,B,ab7,21,CORE8_PARTIAL_SEAL\n"
TRACE = "run_id,case_id,antibody_id,step,SoMS_cumsum_window\nweek2,B,ab7,21,{}\n"


@pytest.fixture
def built(warehouse: Bench) -> Bench:
    """Return a warehouse with the coverage of the sample's snapshots."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "+shutdown_snapshot_coverage")
    return warehouse


@contextmanager
def holding(built: Bench, name: str = "held") -> Iterator[Build]:
    """Yield a build that waits, in a statement, for the reader of a mart; both end with the block."""
    mart = f"{built.warehouse.schemas.marts}.shutdown_snapshot_coverage"
    with reading(built.warehouse.bi, mart), building(built, *COVERAGE, name=name) as build:
        wait_until(lambda: statements(built, "rename table"), lambda: build.said)
        yield build


@pytest.fixture
def held(built: Bench) -> Iterator[Build]:
    """Return a build that is held; it ends with the test."""
    with holding(built) as build:
        yield build


def unfinished(bench: Bench) -> list[str]:
    """Return the tables that builds have left behind."""
    found = bench.query("show tables from {marts} like '%%dbt\\_%%'", role="dbt")
    return sorted(name for (name,) in found)


def test_a_second_build_waits_and_says_for_whom(held: Build) -> None:
    """Prevents two builds at once, which fail each other; and one that hangs without a word."""
    bench = held.bench
    with building(bench, *COVERAGE, name="second") as second:
        second.says(f"waiting for another build of `{bench.warehouse.schemas.marts}`: ")
        assert f", process {held.process.pid} (`dbt build`), since 20" in second.said
        with building(bench, "--no-wait", *COVERAGE, name="third") as third:
            assert third.ends() == 1
            assert "another build of " in third.said
            assert "or without `--no-wait` to wait for it" in third.said
        assert bench.dbt("compile", *COVERAGE)  # what only reads does not wait
        for command in (("status",), ("doctor",)):
            assert bench.run(*command).exit_code == 0
        held.hears(signal.SIGINT)
        assert held.ends() != 0
        wait_until(lambda: statements(bench, "rename table"), lambda: second.said)  # it is at work now


def test_every_command_that_writes_takes_the_lock(
    built: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prevents `dbt run`, `seed` or `test` beside a build, by the way that nobody thought of."""
    monkeypatch.setenv(NO_WAIT_VARIABLE, "yes")
    for command in ("build", "run", "seed", "test", "snapshot"):
        with BuildLock(built.warehouse.schemas, built.warehouse.dbt, "by a test", print), pytest.raises(AssertionError):
            built.dbt(command, "--select", "core_fallback_stages")
        assert f"another build of `{built.warehouse.schemas.marts}` is running: " in capsys.readouterr().out
    assert builder(built) is None


def test_another_warehouse_of_the_server_builds_meanwhile(built: Bench) -> None:
    """Prevents one lock for a whole server, on which somebody else's build takes hours."""
    with closing(connect(built.server.admin)) as somebody, somebody.cursor() as cursor:
        for schema in (f"{built.warehouse.schemas.marts}_2", "a" * 55):
            cursor.execute(f"do get_lock('{lock_name(schema)}', 0)")
        built.build_without_tests(*COVERAGE)
    assert lock_name("a" * 55) != lock_name("a" * 54 + "b")
    assert len(f"{lock_name('a' * 55)} {SEATS}") <= LOCK_NAME_CHARACTERS


def test_a_suspended_build_overwrites_nothing(built: Bench) -> None:
    """Prevents a laptop that slept in the middle of a build writing its older state over a frozen snapshot.

    `frozen_race.sh` of the adversary, with a barrier in place of the luck.
    """
    built.build_without_tests(*MEMORY)
    built.land(built.write("core10_01_shutdown_events.csv", EVENT))
    snapshot = "select SoMS_cumsum_window from {marts}.shutdown_state_snapshot where run_id = 'week2'"
    with building(built, *MEMORY, name="first") as first:
        wait_until(lambda: builder(built), lambda: first.said)
        first.hears(signal.SIGSTOP)
        built.land(built.write("trace.csv", TRACE.format(7.2)))
        with building(built, *MEMORY, name="second") as second:
            second.says("waiting for another build")
            first.hears(signal.SIGCONT)
            assert (first.ends(), second.ends()) == (0, 0), first.said + second.said
    assert built.query(snapshot, role="bi") == [(7.2,)]
    built.land(built.write("trace.csv", TRACE.format(9.9)))
    built.build_without_tests(*MEMORY)
    assert built.query(snapshot, role="bi") == [(7.2,)]


def test_a_timeline_that_lands_between_two_builds_is_built(warehouse: Bench) -> None:
    """Prevents a landed timeline that no build takes in, since two builds at once each left it to the other.

    `loads_race.sh` of the adversary: the first build stops after it has listed what has landed; then a timeline lands,
    and a second build begins.
    """
    header = "start,end,die,plane,op_state,op_name\n"
    second: list[Build] = []

    def land(run: int) -> None:
        rows = "".join(f"{run * 100 + at},{run * 100 + at + 1},0,0,READ.ISSUE,READ\n" for at in range(0, 20, 2))
        warehouse.land(warehouse.write(f"chip/op_state_timeline_261122_{run}.csv", header + rows))

    def before(node: str, action: str) -> None:
        if (node, action) == ("int_phase_keys__segments", "fill") and not second:
            land(3)
            second.append(stack.enter_context(building(warehouse, *SEGMENTS, name="second")))
            second[0].says("waiting for another build")

    land(1)
    warehouse.build_without_tests(*SEGMENTS)
    land(2)
    with ExitStack() as stack:
        assert build_with_barriers(warehouse, before, *SEGMENTS)
        assert second[0].ends() == 0, second[0].said
    assert warehouse.query("select count(*), max(segment_no) from {marts}.op_state_spans", role="bi") == [(30, 30)]
    cursor = ("phase-key", "--session", "chip", "--die", "0", "--plane", "0", "--at", "300.5")
    assert warehouse.run(*cursor).output.endswith("READ.ISSUE\n")


def test_a_signal_ends_the_build_and_its_statements(built: Bench) -> None:
    """Prevents cron, systemd or `timeout` ending `afterstate build` while its dbt, or the server, builds on."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with holding(built, number.name) as held:
            held.hears(number)
            assert held.ends() != 0, number
            assert statements(built, "rename table") == [], number
            assert builder(built) is None, number


@pytest.mark.layouts("four_schemas")
def test_what_a_killed_build_left_the_next_one_clears(held: Build) -> None:
    """Prevents a statement of a killed build that the server ends in the middle of the next one; tables forever."""
    bench = held.bench
    held.hears(signal.SIGKILL)
    held.ends()
    (orphan,) = statements(bench, "rename table")  # the server does not know that nobody waits for it
    assert unfinished(bench) == ["shutdown_snapshot_coverage__dbt_new"]
    for table in ("gone__dbt_new", "shutdown_snapshot_coverage__dbt_old", "only__dbt_old"):
        bench.query(f"create table {{marts}}.{table} (id int)", role="dbt")
    bench.build_without_tests("--select", "core_fallback_stages")
    assert orphan not in [row[0] for row in bench.query("show processlist", role="dbt")]
    assert unfinished(bench) == ["only__dbt_old"]  # nothing stands in the place of this one


@pytest.mark.layouts("one_database")
def test_tables_of_others_in_the_one_database_are_never_cleared(warehouse: Bench) -> None:
    """Prevents a build dropping somebody's own table, since its name ends as those of killed builds do."""
    left_behind = ("shutdown_snapshot_coverage__dbt_new", "staging__int_shutdown__loads__dbt_new")
    theirs = ("theirs", "theirs__dbt_new", "theirs__dbt_old", "staging__theirs__dbt_new")
    for table in (*left_behind, *theirs):
        warehouse.query(f"create table {{marts}}.{table} (id int)", role="dbt")
    with BuildLock(warehouse.warehouse.schemas, warehouse.warehouse.dbt, "a test", print):
        found = {name for (name,) in warehouse.query("show tables from {marts}", role="dbt")}
    assert found.issuperset(theirs)
    assert found.isdisjoint(left_behind)
    (signed,) = warehouse.query(
        "select table_collation from information_schema.tables where table_name = 'staging__build_lock'", role="dbt"
    )
    assert signed[0].endswith("_bin")


def test_a_build_that_has_lost_its_lock_stops(built: Bench) -> None:
    """Prevents two builds at once after an administrator, or a firewall, has ended the connection with the lock."""
    with building(built, name="robbed") as build:
        holder = wait_until(lambda: builder(built), lambda: build.said)
        build.hears(signal.SIGSTOP)
        as_admin(built, f"kill {holder}")
        wait_until(lambda: builder(built) is None)
        build.hears(signal.SIGCONT)
        assert build.ends() != 0
        assert "the connection that holds this build's lock has ended" in build.said


def test_a_seat_that_is_taken_is_passed_over(built: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a model that takes hours, while others come and go, from being in the way of the next connection."""
    monkeypatch.setattr(build_lock, "cycle", lambda numbers: cycle(number for number in numbers for _ in range(2)))
    built.build_without_tests("--select", "tag:core")


def test_a_build_that_waits_can_be_interrupted(built: Bench) -> None:
    """Prevents a queue of builds that nobody gets rid of."""
    with BuildLock(built.warehouse.schemas, built.warehouse.dbt, "a test", print), building(built, *COVERAGE) as build:
        build.says("waiting for another build")
        started = time.monotonic()
        build.hears(signal.SIGTERM)
        assert build.ends() != 0
        assert time.monotonic() - started < 10
