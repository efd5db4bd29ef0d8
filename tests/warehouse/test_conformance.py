"""What the project needs of dbt-mysql and of `macros/adapter/`, tried one by one on both servers.

What could lose data, or show it half-built, is in test_adapter.py; docs/conformance.md has what dbt's own suite found.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bench import Bench, Server
from tests.loaders.helpers import another_warehouse
from tests.server.helpers import global_setting
from tests.warehouse.project import Project

INCREMENTAL = {"materialized": "incremental", "unique_key": ["id"]}
TWO = {"id": "int", "name": "varchar(64)"}


# What depends on where tables stand, and on their names; the rest is the same in both.
NAMES = pytest.mark.layouts("four_schemas", "one_database")


@pytest.fixture(scope="module")
def bench(server: Server, layout: str) -> Bench:
    """Return a warehouse that these tests share."""
    return another_warehouse(server, server.home, layout)


@pytest.fixture
def project(bench: Bench, tmp_path: Path) -> Project:
    """Return a project of its own, and the warehouse as if nothing had been built in it."""
    schemas = bench.warehouse.schemas
    tables = bench.query(
        "select table_schema, table_name, table_type from information_schema.tables where table_schema in %s "
        "and table_name not like 'landing\\_\\_%%'",
        (schemas.marts, schemas.staging, schemas.audit),
        role="dbt",
    )
    for schema, name, what in tables:
        bench.query(f"drop {'view' if what == 'VIEW' else 'table'} `{schema}`.`{name}`", role="dbt")
    return Project(replace(bench, folder=tmp_path))


def kind(project: Project) -> str:
    """Return whether the server has the probe as a table or as a view; nothing may be left beside it."""
    ((name, found),) = project.warehouse.query("show full tables from {marts} like 'probe%%'", role="dbt")
    assert name == "probe"
    return {"BASE TABLE": "table", "VIEW": "view"}[found]


# --- materialisations


@NAMES
def test_a_model_can_change_between_table_and_view(project: Project) -> None:
    """Prevents a swap that fails, or leaves both behind, when a view becomes a table or a table a view."""
    for number, materialized in enumerate(("view", "table", "view", "incremental", "table", "table", "view")):
        config = INCREMENTAL if materialized == "incremental" else {"materialized": materialized}
        contract = {"contract": {"enforced": materialized != "view"}}
        project.model(f"select {number} as id, 'x' as name", TWO, **config, **contract)
        message = project.run("--full-refresh")
        assert message == "", (materialized, message)
        assert kind(project) == ("view" if materialized == "view" else "table")
        assert project.rows() == [(number, "x")]


def test_merge_inserts_updates_and_keeps(project: Project) -> None:
    """Prevents incremental models that double rows, forget them, or delete and insert what was only updated."""
    columns = {"row_no": "bigint", **TWO}

    def build(number: int, name: str) -> None:
        sql = f"select cast(null as signed) as row_no, {number} as id, '{name}' as name"
        project.model(sql, columns, **INCREMENTAL, merge_exclude_columns=["row_no"])
        described = yaml.safe_load((project.folder / "models" / "probe.yml").read_text())
        # the table numbers its rows itself, so that one can see which of them stayed
        described["models"][0]["columns"][0]["constraints"] = [
            {"type": "not_null", "expression": "auto_increment unique"}
        ]
        project.write("models/probe.yml", described)
        assert project.run() == ""

    build(1, "a")
    build(2, "b")
    build(1, "changed")
    assert {row[1:] for row in project.rows()} == {(1, "changed"), (2, "b")}
    assert [row[0] for row in project.rows() if row[1] == 1] == [1]
    before = project.rows()
    assert project.run() == ""
    assert project.rows() == before


def test_merge_tells_exact_keys_apart(project: Project) -> None:
    """Prevents two keys that differ by case, accent or a trailing blank becoming one row."""
    names = ("antibody_C", "antibody_c", "antibody_Ç", "antibody_C ", "항체", "🧬")
    sql = " union all ".join(f"select '{name}' as id, {number} as seen" for number, name in enumerate(names))
    project.model(sql, {"id": "varchar(64)", "seen": "int"}, **INCREMENTAL)
    for _ in range(2):
        assert project.run() == ""
        assert {row[0]: row[1] for row in project.rows()} == {name: number for number, name in enumerate(names)}


REPLACE = {
    "materialized": "incremental",
    "incremental_strategy": "replace",
    "replace_scope": "changes",
    "replace_on": ["id"],
}


def build_changed(project: Project, changed: tuple[int, ...], *rows: tuple[int, str], name: str = "varchar(64)") -> str:
    """Build rows in place of those whose id has changed, and return dbt's message."""
    scope = " union all ".join(f"select 'probe' as model, {number} as id" for number in changed)
    project.write("models/changes.sql", scope or "select 'probe' as model, 0 as id")
    sql = " union all ".join(f"select {number} as id, '{name}' as name" for number, name in rows)
    project.model(f"-- depends_on: {{{{ ref('changes') }}}}\n{sql}", {"id": "int", "name": name}, **REPLACE)
    return project.run()


def test_replace_replaces_what_it_says_and_nothing_else(project: Project) -> None:
    """Prevents rows that are no more staying in a derived table, and others going with them."""
    assert build_changed(project, (), (1, "a"), (2, "b"), (3, "c")) == ""
    assert build_changed(project, (2, 3), (2, "B")) == ""
    assert project.rows() == [(1, "a"), (2, "B")]


def test_a_failing_replace_leaves_the_rows(project: Project) -> None:
    """Prevents old rows deleted, and the new ones not there, after a build that failed half-way."""
    assert build_changed(project, (), (1, "a"), (2, "B")) == ""
    # row 1 is not replaced, so that its key is there twice when the rows go in, after the delete
    assert "Duplicate entry" in build_changed(project, (2,), (1, "twice"))
    assert project.rows() == [(1, "a"), (2, "B")]


@NAMES
def test_a_derived_table_with_another_contract_is_built_in_full(project: Project) -> None:
    """Prevents an upgrade that stops at a table of the former release, or keeps its widths."""
    assert build_changed(project, (), (1, "a"), (2, "b"), name="varchar(3)") == ""
    assert build_changed(project, (2,), (1, "a"), (2, "longer"), name="varchar(64)") == ""
    assert project.rows() == [(1, "a"), (2, "longer")]


@NAMES
def test_seeds(project: Project) -> None:
    """Prevents reference tables without their types or their key, doubled or emptied by the next build."""
    project.write("seeds/probe.csv", "stage,severity,meaning\nNONE,0,\"It's nothing, 'é' 🧬\"\nSOME,1,\n")
    types = {"stage": "varchar(64)", "severity": "int", "meaning": "varchar(255)"}
    project.write("seeds/probe.yml", {"seeds": [{"name": "probe", "config": {"column_types": types}}]})
    rows = [("NONE", 0, "It's nothing, 'é' 🧬"), ("SOME", 1, None)]
    for arguments in ((), (), ("--full-refresh",)):
        assert project.statuses("seed", *arguments) == {"probe": "success"}
        assert project.rows() == rows
    keys = (
        "select column_name, column_key from information_schema.columns "
        "where table_schema = '{marts}' and table_name = 'probe' order by 1"
    )
    assert project.warehouse.query(keys, role="dbt") == [("meaning", ""), ("severity", ""), ("stage", "PRI")]
    # a warehouse of an older Afterstate has the table without a key
    project.warehouse.query("alter table {marts}.probe drop primary key", role="dbt")
    assert project.statuses("seed") == {"probe": "success"}
    assert project.warehouse.query(keys, role="dbt")[2] == ("stage", "PRI")
    assert project.rows() == rows
    project.write("seeds/probe.csv", "stage,severity,meaning\nNONE,0,a\nNONE,1,b\n")
    assert project.statuses("seed") == {"probe": "error"}
    assert project.rows() == rows
    # dbt's own guess of a text's type is TEXT, which cannot be a key
    project.write("seeds/other.csv", "stage\nNONE\n")
    assert project.statuses("seed", "--select", "other") == {"other": "success"}


# --- contracts and comments


def test_a_contract_is_held_by_the_server(project: Project) -> None:
    """Prevents a key, a NOT NULL or a length that stands in the YAML only; values that are cut to fit.

    The server's own `sql_mode` would let them be.
    """
    project.model("select 1 as id, 'a' as name", TWO, materialized="table")
    assert project.run() == ""
    with global_setting(project.warehouse, "sql_mode", ""):
        for sql, message in (
            ("select 1 as id, 'a' as name union all select 1, 'b'", "Duplicate entry"),
            ("select nullif(1, 1) as id, 'a' as name", "cannot be null"),
            ("select 1 as id, repeat('a', 65) as name", "for column 'name' at row 1"),
            ("select 3000000000 as id, 'a' as name", "for column 'id' at row 1"),
            ("select 1 as id", "contract"),
        ):
            project.model(sql, TWO, materialized="table")
            assert message in project.run()
            assert project.rows() == [(1, "a")]


def test_comments_follow_the_contract(project: Project) -> None:
    """Prevents descriptions that BI tools show long after they were corrected, in tables that stay in place."""
    comments = "select column_name, column_comment from information_schema.columns where table_schema = '{marts}'"
    project.model("select 1 as id, 'a' as name", TWO, **INCREMENTAL)
    assert project.run() == ""
    assert dict(project.warehouse.query(comments, role="bi"))["name"] == "Says what name is."
    described = (project.folder / "models" / "probe.yml").read_text()
    odd = 'It\'s \\"quoted\\", a back\\\\slash, 한국어'
    (project.folder / "models" / "probe.yml").write_text(described.replace("Says what name is.", f'"{odd}"'))
    assert project.run() == ""
    assert dict(project.warehouse.query(comments, role="bi"))["name"] == 'It\'s "quoted", a back\\slash, 한국어'


# --- tests, hooks, docs, freshness, snapshots


def test_generic_tests_find_what_is_wrong_and_only_that(project: Project) -> None:
    """Prevents a test that passes whatever the rows are, on one of the servers."""
    project.write("models/parent.sql", "select 1 as id, 'a' as name")
    project.write("models/child.sql", "select 1 as id, 'A' as name union all select 1, 'A' union all select null, 'z'")

    def tests(model: str) -> list[dict[str, Any]]:
        named = {
            "unique": {"column_name": "id"},
            "not_null": {"column_name": "id"},
            "accepted_values": {"column_name": "name", "values": ["a"]},
            "relationships": {"column_name": "name", "to": "ref('parent')", "field": "name"},
            "unique_combination": {"columns": ["id", "name"]},
            "related_combination": {"columns": ["id", "name"], "to": "ref('parent')"},
            "expression_is_true": {"expression": "id = 1"},
            "no_rows": {},
        }
        return [{test: {"name": f"{model}_{test}", **arguments}} for test, arguments in named.items()]

    models = [{"name": model, "tests": tests(model)} for model in ("parent", "child")]
    project.write("models/models.yml", {"models": models})
    assert project.run() == ""
    found = project.statuses("test")
    assert {name for name, status in found.items() if status == "pass"} == {
        f"parent_{test}" for test in (next(iter(item)) for item in tests("parent")) if test != "no_rows"
    }
    assert {name for name, status in found.items() if status == "fail"} == {
        "parent_no_rows",
        *(f"child_{next(iter(item))}" for item in tests("child")),
    }


@NAMES
def test_failures_can_be_stored(project: Project) -> None:
    """Prevents `--store-failures` failing itself, or keeping the failures of an earlier run."""
    project.model("select 1 as id, nullif('x', 'x') as name", TWO, materialized="table")
    project.write(
        "models/tests.yml", {"models": [{"name": "checked", "columns": [{"name": "name", "tests": NOT_NULL}]}]}
    )
    project.write("models/checked.sql", "select * from {{ ref('probe') }}")
    # into one of the warehouse's own schemas: dbt's account may make no others
    project.configure(tests={"probe": {"+store_failures": True, "+schema": "audit"}})
    assert project.run() == ""
    for _ in range(2):
        assert project.statuses("test") == {"name_is_there": "fail"}
        assert project.warehouse.query("select * from {audit}.name_is_there", role="bi") == [(1, None)]
    project.model("select 1 as id, 'x' as name", TWO, materialized="table")
    assert project.run() == ""
    assert project.statuses("test") == {"name_is_there": "pass"}
    assert project.warehouse.query("select * from {audit}.name_is_there", role="bi") == []


NOT_NULL = [{"not_null": {"name": "name_is_there"}}]


HOOKED = """
{{ config(
    pre_hook="set @session_note = 11",
    post_hook=[
        "insert into {{ target.schema }}.notes select concat('row ', id) from {{ this }}",
        {"sql": "insert into {{ target.schema }}.notes values ('afterwards')", "transaction": false},
    ],
) }}
select cast(@session_note as signed) as id, 'x' as name
"""


def test_hooks_run_in_the_models_own_session_and_last(project: Project) -> None:
    """Prevents a `set session` that another connection gets; what a hook wrote being rolled back without a word."""
    project.configure(**{"on-run-start": "create table if not exists {{ target.schema }}.notes (note varchar(64))"})
    for materialized in ({"materialized": "table"}, INCREMENTAL):
        project.model(HOOKED, {"id": "bigint", "name": "varchar(64)"}, **materialized)
        assert project.run("--full-refresh") == ""
        assert project.rows() == [(11, "x")]
    notes = [note for (note,) in project.warehouse.query("select note from {marts}.notes", role="dbt")]
    assert sorted(notes) == ["afterwards", "afterwards", "row 11", "row 11"]


@NAMES
def test_docs_have_every_column_with_its_type(project: Project) -> None:
    """Prevents a catalog without columns, or with those of another warehouse's table of the same name."""
    project.model("select 1 as id, 'a' as name", TWO, materialized="table")
    project.write("models/seen.sql", "{{ config(schema='staging') }} select * from {{ ref('probe') }}")
    assert project.run() == ""
    done = project.invoke("docs generate")
    assert done.success, done.exception
    catalog = json.loads((project.folder / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    probe, seen = (catalog["nodes"][f"model.probe.{name}"] for name in ("probe", "seen"))
    for node in (probe, seen):
        assert list(node["columns"]) == ["id", "name"]
        assert node["columns"]["name"]["type"] == "varchar(64)"
    assert (probe["metadata"]["type"], seen["metadata"]["type"]) == ("table", "view")


def test_freshness_counts_in_utc_whatever_the_servers_zone(project: Project) -> None:
    """Prevents sources that look nine hours fresher, or staler, than they are."""
    source = {
        "name": "landing",
        "schema": project.warehouse.warehouse.schemas.marts,
        "tables": [
            {
                "name": "arrivals",
                "loaded_at_field": "arrived_at",
                "freshness": {
                    "warn_after": {"count": 1, "period": "hour"},
                    "error_after": {"count": 3, "period": "hour"},
                },
            }
        ],
    }
    project.write("models/sources.yml", {"sources": [source]})
    project.warehouse.query("create table {marts}.arrivals (arrived_at datetime(6))", role="dbt")
    with global_setting(project.warehouse, "time_zone", "+09:00"):
        for minutes, expected in ((5, "pass"), (90, "warn"), (300, "error")):
            project.warehouse.query("delete from {marts}.arrivals", role="dbt")
            project.warehouse.query(
                "insert into {marts}.arrivals values (utc_timestamp(6) - interval %s minute)", minutes, role="dbt"
            )
            assert project.statuses("source freshness") == {"arrivals": expected}


@pytest.mark.parametrize("strategy", ["check", "timestamp"])
def test_dbt_snapshots(project: Project, strategy: str) -> None:
    """Prevents history that cannot be kept with dbt's own snapshots, whose hashes newer MySQLs do not have."""
    how = "check_cols=['name']" if strategy == "check" else "updated_at='updated_at'"
    project.write(
        "snapshots/history.sql",
        "{% snapshot history %}{{ config(target_schema=target.schema, unique_key='id', strategy='"
        + strategy
        + "', "
        + how
        + ") }} select * from {{ target.schema }}.changing {% endsnapshot %}",
    )
    query = project.warehouse.query
    query("create table {marts}.changing (id int primary key, name varchar(64), updated_at datetime(6))", role="dbt")
    query("insert into {marts}.changing values (1, 'é🧬 ', '2026-01-01'), (2, 'same', '2026-01-01')", role="dbt")
    assert project.statuses("snapshot") == {"history": "success"}
    query("update {marts}.changing set name = 'É🧬 ', updated_at = '2026-01-02' where id = 1", role="dbt")
    for _ in range(2):
        assert project.statuses("snapshot") == {"history": "success"}
    found = query("select id, name, dbt_valid_to is null from {marts}.history order by id, dbt_valid_from", role="dbt")
    assert found == [(1, "é🧬 ", 0), (1, "É🧬 ", 1), (2, "same", 1)]
