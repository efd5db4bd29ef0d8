"""What macros/adapter/ corrects in dbt-mysql 1.7, on both servers: each promise, and each refusal."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from typing import Any

import pymysql
import pytest

from afterstate.warehouse.connect import connect
from tests.bench import ROOT, Bench
from tests.warehouse.interruption import interrupt_build
from tests.warehouse.phase_key_cases import draw, write_session
from tests.warehouse.project import Project
from tests.warehouse.scenarios import base_files

# AFTERSTATE_LONG_TESTS=1 repeats what is left to chance often enough to mean something; it takes some minutes.
LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
REBUILDS = 20 if LONG else 2
KILLS = 20 if LONG else 1


@pytest.fixture
def project(warehouse: Bench) -> Project:
    """Return a project of its own over a fresh warehouse."""
    return Project(warehouse)


INCREMENTAL = {"materialized": "incremental", "unique_key": ["id"]}


REFUSED: tuple[tuple[dict[str, Any], dict[str, str], str], ...] = (
    ({"incremental_strategy": "append"}, {"id": "int"}, "expected `merge` or `replace`"),
    ({"incremental_strategy": "replace"}, {"id": "int"}, "needs `replace_scope` in the model"),
    ({"unique_key": "id"}, {"id": "int"}, "expected a list of columns"),
    ({"frozen_by": {"id": ["id"]}}, {"id": "int", "a": "int"}, "frozen_by names `id`, expected some of: a"),
    ({"frozen_by": {"a": ["b"]}}, {"id": "int", "a": "int"}, "frozen_by names `b`, expected some of: a"),
    ({"unique_key": ["id", "other"]}, {"id": "int", "other": "int"}, "two NULLs are two keys"),
    ({"contract": {"enforced": False}}, {"id": "int"}, "a table is made from its contract"),
    ({"grants": {"select": ["somebody"]}}, {"id": "int"}, "`afterstate up` gives each account its schemas"),
    ({}, {"id": "geometry"}, "is declared as `geometry`, expected one of"),
    ({}, {"id": "varchar(64)"}, "contract that failed"),
)


def test_a_configuration_that_would_be_ignored_is_refused(project: Project) -> None:
    """Prevents dbt-mysql's silence: an unknown strategy, a nullable key, a contract that is not compared."""
    for config, columns, message in REFUSED:
        selected = ", ".join(f"1 as {name}" for name in columns)
        project.model(f"select {selected}", columns, **{**INCREMENTAL, **config})
        assert message in project.run()
        assert project.warehouse.query("show tables from {marts} like 'probe'", role="bi") == []


def test_a_schema_change_is_made_or_refused_but_never_ignored(project: Project) -> None:
    """Prevents `on_schema_change` without effect: new columns that stay empty, old rows that vanish."""
    project.model("select 1 as id, 10 as a", {"id": "int", "a": "int"}, **INCREMENTAL)
    assert project.run() == ""
    wider = ("select 2 as id, 20 as a, 'x' as b", {"id": "int", "a": "int", "b": "varchar(8)"})
    project.model(*wider, **INCREMENTAL)
    assert "only in the contract: b" in project.run()
    assert project.rows() == [(1, 10)]
    project.model(*wider, **INCREMENTAL, on_schema_change="append_new_columns")
    assert project.run() == ""
    assert project.rows() == [(1, 10, None), (2, 20, "x")]
    project.model("select 3 as id", {"id": "int"}, **INCREMENTAL, on_schema_change="append_new_columns")
    assert "only in the table: a, b" in project.run()
    assert len(project.rows()) == 2


def test_a_full_refresh_builds_before_it_replaces(project: Project) -> None:
    """Prevents `--full-refresh` renaming the table away first, so that a failing build leaves none."""
    project.model("select 1 as id", {"id": "int"}, **INCREMENTAL)
    assert project.run() == ""
    project.model("select 2 as id union all select 2", {"id": "int"}, **INCREMENTAL)
    assert "Duplicate entry" in project.run("--full-refresh")
    assert "Duplicate entry" in project.run()
    assert project.rows() == [(1,)]
    project.model("select 3 as id", {"id": "int"}, **INCREMENTAL)
    assert project.run("--full-refresh") == ""
    assert project.rows() == [(3,)]
    left = project.warehouse.query("show tables from {marts} like '%%probe%%'", role="bi")
    assert left == [("probe",)]


def test_every_contract_type(project: Project) -> None:
    """Prevents a type that loses its size, its sign or its exactness on one of the servers."""
    columns = {
        "id": "bigint",
        "small": "int",
        "flag": "boolean",
        "measure": "double",
        "name": "varchar(64)",
        "note": "text",
        "at": "datetime(6)",
    }
    project.model(
        "select 9007199254740993 as id, -5 as small, true as flag, 0.1e0 as measure, 'é🧬 ' as name, "
        "'x' as note, timestamp('2026-01-08 09:27:18.936677') as at",
        columns,
        materialized="table",
    )
    assert project.run() == ""
    ((number, small, flag, measure, name, note, at),) = project.rows()
    assert (number, small, flag, measure, name, note) == (9007199254740993, -5, 1, 0.1, "é🧬 ", "x")
    assert at.microsecond == 936677
    ((_, ddl),) = project.warehouse.query("show create table {marts}.probe", role="bi")
    assert "COMMENT 'Says what id is.'" in ddl
    assert "COMMENT='It''s a probe.'" in ddl


def test_hashes_are_sha2(project: Project) -> None:
    """Prevents `dbt.hash` asking for MD5, which newer MySQLs do not have."""
    project.model("select {{ dbt.hash(\"'é'\") }} as id", {"id": "varchar(64)"}, materialized="table")
    assert project.run() == ""
    assert project.rows() == [(hashlib.sha256("é".encode()).hexdigest(),)]


@pytest.mark.layouts("four_schemas")
def test_readers_never_meet_a_missing_or_partial_table(warehouse: Bench) -> None:
    """Prevents a BI tool that fails, or shows half a table, while a build replaces it."""
    marts = prepare(warehouse)
    expected = {mart: count(warehouse, mart) for mart in marts}
    found_warehouse = warehouse.warehouse  # asked for here: it looks at the environment, which all threads share
    problems: list[str] = []
    reads = [0]
    stop = threading.Event()

    def read() -> None:
        reader = connect(found_warehouse.bi)
        while not stop.is_set():
            for mart in marts:
                try:
                    with reader.cursor() as cursor:
                        cursor.execute(f"select count(*) from `{found_warehouse.schemas.marts}`.{mart}")
                        found = cursor.fetchone()[0]
                    reader.rollback()
                    if found != expected[mart]:
                        problems.append(f"{mart}: {found} rows, expected {expected[mart]}")
                except pymysql.MySQLError as error:
                    problems.append(f"{mart}: {error}")
                reads[0] += 1
            time.sleep(0.001)
        reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        project = Project(warehouse)
        for number in range(REBUILDS):
            refresh = ["--full-refresh"] if number % 2 else []
            warehouse.build_without_tests(*refresh)
            # every other time, a mart's build fails half-way: its key is there twice
            doubled = " union all select 1" if number % 2 else ""
            project.model(f"select 1 as id{doubled}", {"id": "int"}, materialized="table")
            assert bool(project.run()) == bool(number % 2)
    finally:
        stop.set()
        thread.join()
    assert problems == []
    assert reads[0] > 100
    assert project.rows() == [(1,)]


def test_a_server_killed_while_building_leaves_every_mart_as_it_was(own_server: Bench) -> None:
    """Prevents a power cut that costs a mart, or leaves half of one."""
    marts = prepare(own_server)
    before = {mart: checksum(own_server, mart) for mart in marts}
    dice = random.Random(11)
    interrupted = 0
    for _ in range(KILLS):
        interrupted += interrupt_build(own_server, dice)
        assert {mart: checksum(own_server, mart) for mart in marts} == before
    print(f"{interrupted} of {KILLS} builds were interrupted")
    assert interrupted * 2 >= KILLS
    own_server.build_without_tests()
    assert {mart: checksum(own_server, mart) for mart in marts} == before


def prepare(warehouse: Bench) -> list[str]:
    """Land a sample and another run, build, and give the names of the marts."""
    warehouse.land(ROOT / "samples" / "core")
    for kind, text in base_files("other").items():
        warehouse.write(f"other/{kind}.csv", text)
    warehouse.land(warehouse.folder / "other")
    write_session(warehouse.folder / "chip", draw(16))
    warehouse.land(warehouse.folder / "chip")
    warehouse.build_without_tests()
    named = warehouse.query(
        "select table_name from information_schema.tables where table_schema = '{marts}' and table_type = 'BASE TABLE' "
        "and table_name not like '%%\\_\\_%%' order by 1",
        role="bi",
    )
    return [name for (name,) in named]


def count(warehouse: Bench, mart: str) -> int:
    """Count a mart's rows."""
    return int(warehouse.query(f"select count(*) from {{marts}}.{mart}", role="bi")[0][0])


def checksum(warehouse: Bench, mart: str) -> list[tuple[Any, ...]]:
    """Return a mart's rows in an order of their own."""
    return sorted(warehouse.query(f"select * from {{marts}}.{mart}", role="bi"), key=repr)
