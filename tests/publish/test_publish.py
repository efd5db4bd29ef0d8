"""Publishing a lake's marts: what the server holds then is what the lake holds, once, and nobody else's is replaced."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from afterstate.warehouse.connect import connect, open_cursor
from loaders.lake.tables import LOADS_SCHEMA, REJECTS_SCHEMA
from tests.bench import ROOT, WITHOUT_TESTS, Bench, empty_place
from tests.lake.helpers import land
from tests.lake.object_store import ObjectStore
from tests.loaders.faults import LONG, TIMEOUT_SECONDS
from tests.publish.lakes import Built, differing, make_lake, publish, start

MANY = 4_000
KILLS, SERVER_KILLS = (30, 10) if LONG else (5, 1)
SWAP_SECONDS = (0.2, 2.0)  # from the notes of new tables to the end of the old ones, on machines that do little or much
SNAPSHOT, TRAJECTORY, COUNTS = "shutdown_state_snapshot", "design_trajectory", "phase_proposal_counts"


def test_the_server_holds_what_the_lake_holds(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a value that another type, driver or spelling changes, and rows that are written without need."""
    lake = make_lake(warehouse, tmp_path / "lake", dice)
    statuses = publish(warehouse, lake)
    assert set(statuses.values()) == {"published"}
    assert statuses.keys() == {mart.name for mart in lake.marts}
    assert differing(warehouse, lake) == []
    loads = warehouse.query("select kind, rows_landed, json_length(header) from {audit}.landing_loads", role="bi")
    assert len(loads) == 4
    assert ("core8_state_trace", 180, 14) in loads
    created, noted = created_at(warehouse), noted_at(warehouse)
    assert set(publish(warehouse, lake).values()) == {"unchanged"}
    assert noted_at(warehouse) == noted
    lake.build(TRAJECTORY, 20)
    lake.build(TRAJECTORY, 20, mode="append")
    lake.build(SNAPSHOT, 3)
    assert news(publish(warehouse, lake)) == {TRAJECTORY, SNAPSHOT}
    assert differing(warehouse, lake) == []
    lake.build(TRAJECTORY, 5, mode="append")
    lake.delete(TRAJECTORY, "step between 3 and 6", lambda row: 3 <= row["step"] <= 6)
    lake.build(COUNTS, 7)
    assert news(publish(warehouse, lake)) == {TRAJECTORY, COUNTS}
    assert differing(warehouse, lake) == []
    assert created_at(warehouse) == created  # what Delta tells is written where the tables are
    lake.forget(TRAJECTORY)
    lake.build(TRAJECTORY, 10)
    lake.build(COUNTS, 7)
    assert news(publish(warehouse, lake)) == {TRAJECTORY, COUNTS}
    assert differing(warehouse, lake) == []
    assert created_at(warehouse) != created


@pytest.mark.engines("mariadb")
def test_a_lake_in_an_object_store(
    warehouse: Bench, object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dice: random.Random
) -> None:
    """Prevents a lake that only a machine with its files can publish."""
    object_store.enter(monkeypatch)
    lake = make_lake(warehouse, f"{object_store.uri}/{tmp_path.name}", dice)
    assert set(publish(warehouse, lake).values()) == {"published"}
    assert differing(warehouse, lake) == []
    lake.build(TRAJECTORY, 20, mode="append")
    assert news(publish(warehouse, lake)) == {TRAJECTORY}
    assert differing(warehouse, lake) == []


def news(statuses: dict[str, str]) -> set[str]:
    """Return the names of what is not unchanged."""
    return {name for name, status in statuses.items() if status != "unchanged"}


def created_at(bench: Bench) -> list[tuple[Any, ...]]:
    """Return when each table was made."""
    return bench.query(
        "select table_name, create_time from information_schema.tables where table_schema = '{marts}' order by 1"
    )


def noted_at(bench: Bench) -> list[tuple[Any, ...]]:
    """Return when each note was written."""
    return bench.query("select name, published_at from {staging}.published_tables order by 1", role="dbt")


@pytest.mark.layouts("four_schemas")
def test_tables_and_views_are_those_of_a_build(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a dashboard that works on a built warehouse and not on a published one."""
    warehouse.build(*WITHOUT_TESTS)
    made = definitions(warehouse)
    warehouse.environment = empty_place(warehouse.server, tmp_path, "four_schemas").environment
    assert warehouse.run("up").exit_code == 0
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    publish(warehouse, lake)
    published = definitions(warehouse)
    assert published.keys() <= made.keys()
    assert {name: made[name] for name in published} == published
    segments = warehouse.query("select count(*) from {marts}.op_state_spans", role="bi")
    assert segments[0][0] <= len(lake.rows["int_phase_keys__segments"])
    assert len(warehouse.query("select 1 from {audit}.landing_loads", role="bi")) == 4
    lacking = {name for schema, name in made.keys() - published.keys() if not schema.endswith(("_staging", "_landing"))}
    assert lacking == {
        "core_fallback_decisions_history",
        "core_reservation_log_history",
        "core_shutdown_events_history",
        "core_state_trace_history",
        "restored_loads",
        "restored_rejects",
    }


def definitions(bench: Bench) -> dict[tuple[str, str], str]:
    """Return how each table and view of the marts and the audit, and of staging what is published, is made."""
    found = {}
    schemas = bench.warehouse.schemas
    for schema, name in bench.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema in ('{marts}', '{staging}', '{audit}')",
        role="dbt",
    ):
        if schema == schemas.staging and (not name.startswith("int_phase_keys") or name.startswith("published")):
            continue
        created = bench.query(f"show create table `{schema}`.`{name}`", role="dbt")[0][1]
        created = re.sub(r" AUTO_INCREMENT=\d+", "", created)
        found[schema, name] = created.replace(f"`{schemas.staging}`.`published_", f"`{schemas.landing}`.`")
    return found


def test_a_publish_that_is_killed(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents half of a publish from being seen after kill -9, some tables new and others old, or rows twice."""
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    build_steps(lake)
    publish(warehouse, lake)
    takes, cut_off = 0.0, 0
    with watching(warehouse) as seen:
        for step in range(KILLS + 1):  # the first tells how long it takes, and so does each that ends before its kill
            take_step(lake, step, is_new=bool(step % 2))
            publisher, begun = start(warehouse, lake), time.monotonic()
            with suppress(subprocess.TimeoutExpired):
                publisher.wait(dice.uniform(0.4, 1.1) * takes if step else TIMEOUT_SECONDS)
                takes = time.monotonic() - begun
            publisher.kill()
            publisher.communicate(timeout=TIMEOUT_SECONDS)
            cut_off += publisher.returncode != 0
        publish(warehouse, lake)
    assert differing(warehouse, lake) == []
    assert set(publish(warehouse, lake).values()) == {"unchanged"}
    assert len(seen) > KILLS
    assert [state for state in seen if state[0] != MANY or len(set(state[1:])) > 1] == []
    left = warehouse.query("select table_name from information_schema.tables where table_name like '%\\_\\_dbt\\_%'")
    assert left == []
    print(f"kills: {KILLS}, {cut_off} of them before the end; looks: {len(seen)}, states: {len(set(seen))}")
    assert cut_off


def test_a_server_that_is_killed(own_server: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a power cut amid the swap from leaving some tables new and others old, or none in a place."""
    lake = make_lake(own_server, tmp_path / "lake", dice, rows=3)
    publish(own_server, lake)
    swapped = 0
    for _ in range(SERVER_KILLS):
        former = dict(lake.rows)
        for mart in lake.tables:
            lake.forget(mart.name)
            lake.build(mart.name, dice.randint(1, 3))
        publisher = start(own_server, lake)
        wait_for_new_notes(own_server)
        time.sleep(dice.uniform(0, dice.choice(SWAP_SECONDS)))
        process = own_server.server.private.process()
        assert process
        process.kill()
        process.wait(TIMEOUT_SECONDS)
        publisher.communicate(timeout=TIMEOUT_SECONDS)
        up = own_server.run("up")
        assert up.exit_code == 0, up.output
        new = differing(own_server, lake)
        swapped += not new
        assert not new or differing(own_server, replace(lake, rows=former)) == []
        publish(own_server, lake)
        assert differing(own_server, lake) == []
    print(f"kills: {SERVER_KILLS}, {swapped} of them behind the swap")


def wait_for_new_notes(bench: Bench) -> None:
    """Wait until a publish is about to swap its tables in."""
    begun = time.monotonic()
    look = "select 1 from information_schema.tables where table_name like 'published_tables\\_\\_dbt%'"
    while not bench.query(look, role="dbt"):
        assert time.monotonic() - begun < TIMEOUT_SECONDS
        time.sleep(0.005)


STEPS = {TRAJECTORY: "step", COUNTS: "count", SNAPSHOT: "veto_streak"}


def build_steps(lake: Built) -> None:
    """Build the three tables whose rows all say which step it was, for the first."""
    for name, rows in zip(STEPS, (MANY, MANY // 4, 10), strict=True):
        lake.build(name, rows, **{STEPS[name]: -1})


def take_step(lake: Built, step: int, *, is_new: bool) -> None:
    """Build the three tables again, of another step; new ones are swapped in, others changed in place."""
    for name, column in STEPS.items():
        if is_new:
            lake.forget(name)
        lake.rows[name] = [{**row, column: step} for row in lake.rows[name]]
        lake.write(name, lake.rows[name])


@contextmanager
def watching(bench: Bench) -> Iterator[list[tuple[int, ...]]]:
    """Read the three tables in one statement, again and again; yields what was seen, each as the step and the rows."""
    seen: list[tuple[int, ...]] = []
    stop = threading.Event()
    looks = (
        f"(select {of}(`{column}`) from {{marts}}.{table})" for table, column in STEPS.items() for of in ("min", "max")
    )
    look = bench.sql(f"select (select count(*) from {{marts}}.{TRAJECTORY}), {', '.join(looks)}")

    def watch() -> None:
        with closing(connect(bench.warehouse.bi)) as reader:
            reader.autocommit(True)
            while not stop.is_set():
                with reader.cursor() as cursor:
                    cursor.execute(look)
                    seen.append(cursor.fetchone())
                time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join(TIMEOUT_SECONDS)


@pytest.mark.parametrize("line", [("publish", "--lake", "lake"), ("land", str(ROOT / "samples"), "--lake", "lake")])
def test_without_the_package_that_reads_lakes(line: tuple[str, ...], tmp_path: Path) -> None:
    """Prevents a traceback for whoever has only run the two commands of the README."""
    without = "import sys; sys.modules['deltalake'] = None; from afterstate.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", without, *line],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "a lake needs the package deltalake" in done.stderr
    assert "./script/setup --lake" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.engines("mariadb")
def test_two_publishes_side_by_side(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents two publishes of one lake from writing into each other's tables, or twice."""
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    build_steps(lake)
    both = [start(warehouse, lake) for _ in range(2)]
    for each in both:
        output, errors = each.communicate(timeout=TIMEOUT_SECONDS)
        assert each.returncode == 0, (output, errors)
    assert differing(warehouse, lake) == []


@pytest.mark.engines("mariadb")
def test_whose_marts_they_are(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a publish from replacing what landed files were built into, or another lake's marts; and the reverse."""
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    warehouse.land(ROOT / "samples" / "core")
    refused = warehouse.run("publish", "--lake", lake.uri)
    assert refused.exit_code == 1
    assert "has landed files of its own: 4" in refused.output
    assert "AFTERSTATE_SCHEMA=NAME afterstate up" in refused.output

    fresh = empty_place(warehouse.server, tmp_path)
    assert fresh.run("up").exit_code == 0
    publish(fresh, lake)
    other = make_lake(fresh, tmp_path / "other", dice, rows=3)
    refused = fresh.run("publish", "--lake", other.uri)
    assert refused.exit_code == 1
    assert f"are published from another lake, {lake.uri}" in refused.output
    assert differing(fresh, lake) == []
    publish(fresh, other, "--replace")
    assert differing(fresh, other) == []

    csv = fresh.write("snapshot.csv", "run_id\n")
    for command in (("restore", csv), ("build",)):
        said = run_process(fresh, *command) if command[0] == "build" else fresh.run(*command).output
        assert f"are published from the lake {other.uri}" in said
    assert differing(fresh, other) == []
    assert fresh.run("sessions").exit_code == 0
    counts = ("export", "phase-counts", "--session", "s", "--run", "261122_0000001", "--out", tmp_path)
    for line in (counts, ("report", "--out", tmp_path / "report.html")):
        failed = fresh.run(*line)
        assert failed.exit_code == 1
        assert f"which this command needs, is in the lake {other.uri}" in failed.output


def run_process(bench: Bench, *arguments: str) -> str:
    """Run `afterstate` as a process that fails, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "afterstate", *arguments],
        env=bench.process_environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    return done.stdout + done.stderr


@pytest.mark.engines("mariadb")
def test_what_cannot_be_published(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a value that the server would change, and a lake of another release, from reaching a dashboard."""
    nothing = warehouse.run("publish", "--lake", tmp_path)
    assert nothing.exit_code == 1
    assert "there is no lake here" in nothing.output
    land(tmp_path / "landed", ROOT / "samples" / "core")
    assert "nothing is built in this lake" in warehouse.run("publish", "--lake", tmp_path / "landed").output
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    lake.build(SNAPSHOT, 2)
    publish(warehouse, lake)
    first, second = lake.rows[SNAPSHOT]
    for rows, said in (
        ([{**first, "fallback_score": float("nan")}], "column `fallback_score`: a value is NaN or infinite"),
        ([{**first, "case_id": "x" * 65}], "for column 'case_id' at row 1"),
        ([first, {**second, "id": first["id"]}], "Duplicate entry"),
    ):
        lake.write(SNAPSHOT, rows)
        refused = warehouse.run("publish", "--lake", lake.uri)
        assert refused.exit_code == 1, refused.output
        assert said in refused.output
        assert SNAPSHOT in refused.output
        assert differing(warehouse, lake) == []
    table = pa.Table.from_pylist([first]).drop_columns(["veto_streak"])
    write_deltalake(lake.place(SNAPSHOT), table, mode="overwrite", schema_mode="overwrite")
    refused = warehouse.run("publish", "--lake", lake.uri)
    assert "the lake and the contract have different columns: veto_streak" in refused.output
    assert differing(warehouse, lake) == []
    assert warehouse.run("publish", "--lake", lake.uri, "--select", "spans").exit_code == 2


@pytest.mark.engines("mariadb")
def test_a_part_of_the_marts(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents `--select` from leaving out what a view reads, and a lake of one family from being refused."""
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    part = publish(warehouse, lake, "--select", "op_state_overlaps")
    assert part == dict.fromkeys(
        [
            "int_phase_keys__runs",
            "int_phase_keys__segments",
            "int_phase_keys__sessions",
            "int_phase_keys__states",
            "op_state_spans",
            "op_state_overlaps",
        ],
        "published",
    )
    rest = publish(warehouse, lake, "--exclude", "op_state_spans")
    assert set(rest.values()) == {"published"}
    assert not [name for name in rest if name.startswith(("int_", "op_state_spans", "op_state_overlaps"))]
    assert differing(warehouse, lake) == []


@pytest.mark.engines("mysql")
def test_without_local_infile(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents a server that has `local_infile` off, as MySQL is installed, from other values or no publish at all."""
    lake = make_lake(warehouse, tmp_path / "lake", dice)
    with open_cursor(warehouse.server.admin) as cursor:
        cursor.execute("set global local_infile = 0")
    try:
        publish(warehouse, lake)
    finally:
        with open_cursor(warehouse.server.admin) as cursor:
            cursor.execute("set global local_infile = 1")
    assert differing(warehouse, lake) == []


@pytest.mark.engines("mariadb")
def test_rejects_of_a_load_that_is_still_open(warehouse: Bench, tmp_path: Path, dice: random.Random) -> None:
    """Prevents rejects from staying unseen that were written before their load became visible."""
    lake = make_lake(warehouse, tmp_path / "lake", dice, rows=3)
    loads_place, rejects_place = (f"{lake.uri}/landing/{name}" for name in ("landing_loads", "landing_rejects"))
    reject = {"load_id": 99, "row_no": 1, "line_no": 2, "kind": "k", "file_path": "f", "reason": "r", "row_text": "t"}
    write_deltalake(rejects_place, pa.Table.from_pylist([reject], schema=REJECTS_SCHEMA), mode="append")
    publish(warehouse, lake)
    assert warehouse.query("select load_id from {audit}.landing_rejects", role="bi") == []
    loads = DeltaTable(loads_place).to_pyarrow_table().to_pylist()
    load = {**loads[0], "load_id": 99, "content_sha256": "0" * 64, "finished_at": datetime.now(timezone.utc)}
    write_deltalake(loads_place, pa.Table.from_pylist([load], schema=LOADS_SCHEMA), mode="append")
    publish(warehouse, lake)
    assert warehouse.query("select load_id from {audit}.landing_rejects", role="bi") == [(99,)]
