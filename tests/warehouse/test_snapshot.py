"""`shutdown_state_snapshot` against the notebook, on both servers (design section 4)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ROOT, Bench
from tests.warehouse import notebook
from tests.warehouse.scenarios import SCENARIOS, SHUTDOWN, SNAPSHOTS, base_files
from tests.warehouse.scenarios import csv as csv_text

STATE = ", ".join(notebook.COLUMNS)
NOTEBOOK_ROW = (
    "core7_04_1767776352,B_GOVERNED,antibody_C,21,CORE8_PARTIAL_SEAL,7.2,0.333333,0.2,1,PARTIAL_SEAL,"
    "REASON_PARTIAL_SEAL_THRESHOLD,0.441709,NONE,REASON_WITHIN_BOUNDS,0.232854,core10_02_v1"
)


def snapshots(warehouse: Bench, run: str) -> list[tuple[Any, ...]]:
    """Return the snapshots of a run in the notebook's order, read as a BI tool reads them."""
    statement = (
        f"select {STATE} from {{marts}}.shutdown_state_snapshot where run_id = %s order by run_id, case_id, antibody_id"
    )
    return warehouse.query(statement, run, role="bi")


def whole_rows(warehouse: Bench) -> list[tuple[Any, ...]]:
    """Return everything that the snapshot table holds."""
    return warehouse.query("select * from {marts}.shutdown_state_snapshot order by id", role="bi")


@pytest.mark.layouts("four_schemas", "one_database")
def test_every_scenario_is_as_in_the_notebook(warehouse: Bench) -> None:
    """Prevents any way in which real files differ gives another snapshot than the notebook gave."""
    paths = {scenario.name: scenario.write(warehouse.folder) for scenario in SCENARIOS}
    for scenario in SCENARIOS:
        landed = warehouse.land(warehouse.folder / scenario.name)
        assert {result["status"] for result in landed} == {"landed"}, (scenario.prevents, landed)
    statuses = warehouse.build(*SHUTDOWN)
    for scenario in SCENARIOS:
        expected = notebook.snapshots(**paths[scenario.name])
        assert snapshots(warehouse, scenario.name) == expected, scenario.prevents
    # no_trace_row is reported, and does not fail the build
    assert statuses["shutdown_snapshot_inputs_has_every_trace_row"] == "warn"
    assert len(whole_rows(warehouse)) == sum(5 if s.name == "exact_keys" else 1 for s in SCENARIOS)


@pytest.mark.layouts("four_schemas", "one_database")
def test_the_notebooks_own_result(warehouse: Bench) -> None:
    """Prevents the sample, the export or a rebuild differing from what the notebook printed."""
    warehouse.land(ROOT / "samples" / "core")
    assert set(warehouse.build().values()) == {"pass", "success"}
    out = warehouse.folder / "artifact" / "core10" / "core10_02_shutdown_snapshot.csv"
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0
    first = out.read_text()
    header, row = first.splitlines()
    assert header == ",".join([*notebook.COLUMNS, "snapshot_rule_id", "snapshot_created_at"])
    assert row.rpartition(",")[0] == NOTEBOOK_ROW

    assert {result["status"] for result in warehouse.land(ROOT / "samples" / "core")} == {"unchanged"}
    warehouse.run_models(*SNAPSHOTS)
    warehouse.run_models(*SNAPSHOTS, "--full-refresh")
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0
    assert out.read_text() == first


def test_the_table_is_the_contract(warehouse: Bench) -> None:
    """Prevents a column's type, the primary key, the unique key or NOT NULL getting lost on one of the servers."""
    warehouse.run_models(*SNAPSHOTS)
    columns = warehouse.query(
        "select column_name, column_type, is_nullable, column_key, collation_name from information_schema.columns "
        "where table_schema = '{marts}' and table_name = 'shutdown_state_snapshot' order by ordinal_position",
        role="bi",
    )
    # MariaDB shows a display width that MySQL has dropped.
    found = [(name, kind.split("(")[0] if "int" in kind else kind, null) for name, kind, null, _, _ in columns]
    text, code = "varchar(64)", "varchar(128)"
    assert found == [
        ("id", "bigint", "NO"),
        ("snapshot_rule_id", text, "NO"),
        ("snapshot_created_at", "datetime(6)", "NO"),
        ("run_id", text, "NO"),
        ("case_id", text, "NO"),
        ("antibody_id", text, "NO"),
        ("shutdown_step", "int", "NO"),
        ("shutdown_trigger_final", text, "YES"),
        ("SoMS_cumsum_window", "double", "YES"),
        ("action_toggle_rate", "double", "YES"),
        ("blocked_rate_window", "double", "YES"),
        ("veto_streak", "int", "YES"),
        ("fallback_stage", text, "YES"),
        ("fallback_reason_code", code, "YES"),
        ("fallback_score", "double", "YES"),
        ("reservation_status", text, "YES"),
        ("reservation_reason_code", code, "YES"),
        ("risk_score_total", "double", "YES"),
    ]
    exact = {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}[warehouse.server.engine]
    assert {collation for *_, collation in columns} == {exact, None}
    ((_, ddl),) = warehouse.query("show create table {marts}.shutdown_state_snapshot", role="bi")
    assert "PRIMARY KEY (`id`)" in ddl
    assert "(`snapshot_rule_id`,`run_id`,`case_id`,`antibody_id`,`shutdown_step`)" in ddl
    assert "UNIQUE KEY" in ddl


def test_a_key_stated_twice_in_one_file(warehouse: Bench) -> None:
    """Prevents a repeated key doubling the snapshot, as pandas does, or passing without a word."""
    files = base_files("twice")
    again = csv_text("twice,B_GOVERNED,antibody_C,21,9.9,0.9,0.9,9")
    files["trace"] += again
    paths = {kind: warehouse.write(f"twice/{kind}.csv", text) for kind, text in files.items()}
    warehouse.land(warehouse.folder / "twice")
    statuses = warehouse.build(*SHUTDOWN)
    theirs = notebook.snapshots(**paths)
    assert len(theirs) == 2  # the notebook wrote two snapshots of one shutdown
    assert snapshots(warehouse, "twice") == theirs[1:]  # the later statement holds
    assert statuses["core8_state_trace_states_a_key_once_a_file"] == "warn"
    assert statuses["core8_fallback_decisions_states_a_key_once_a_file"] == "pass"


def test_a_key_restated_by_a_later_file(warehouse: Bench) -> None:
    """Prevents next week's file of the same name being ignored, or taking rows of other keys away."""
    first = {kind: text + base_files("old")[kind].partition("\n")[2] for kind, text in base_files("next").items()}
    for kind, text in first.items():
        warehouse.write(f"week1/{kind}.csv", text)
    later = {kind: text.replace(",2.1,", ",2.2,") for kind, text in base_files("next").items()}
    later["fallback"] = later["fallback"].replace("REASON_21", "REASON_LATER")
    paths = {kind: warehouse.write(f"week2/{kind}.csv", text) for kind, text in later.items()}
    warehouse.land(warehouse.folder / "week1")
    warehouse.land(warehouse.folder / "week2")
    warehouse.run_models(*SNAPSHOTS)
    assert snapshots(warehouse, "next") == notebook.snapshots(**paths)
    week1 = {kind: warehouse.folder / "week1" / f"{kind}.csv" for kind in paths}
    assert snapshots(warehouse, "old") == [row for row in notebook.snapshots(**week1) if row[0] == "old"]


def test_no_file_but_the_events(warehouse: Bench) -> None:
    """Prevents a model that needs a table which nothing was landed into."""
    warehouse.write("events.csv", base_files("alone")["events"])
    warehouse.land(warehouse.folder)
    warehouse.build(*SHUTDOWN)
    assert snapshots(warehouse, "alone") == [
        ("alone", "B_GOVERNED", "antibody_C", 21, "CORE8_PARTIAL_SEAL", *[None] * 10),
    ]


def test_an_empty_warehouse_builds(warehouse: Bench) -> None:
    """Prevents a first `dbt build` that fails before anything has landed, or an export that fails on no rows."""
    warehouse.build(*SHUTDOWN)
    out = warehouse.folder / "none.csv"
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0
    assert len(out.read_text().splitlines()) == 1


def test_na_texts_are_values(warehouse: Bench) -> None:
    """Prevents a status called NONE or NA, a design called null, turning into a missing value, as pandas does."""
    for number, text in enumerate(("NA", "NULL", "None", "NONE", "nan")):
        files = base_files(f"na_{number}", antibody=text)
        files = {kind: content.replace("PARTIAL_SEAL,", f"{text},") for kind, content in files.items()}
        for kind, content in files.items():
            warehouse.write(f"na_{number}/{kind}.csv", content)
    warehouse.land(warehouse.folder)
    warehouse.run_models(*SNAPSHOTS)
    for number, text in enumerate(("NA", "NULL", "None", "NONE", "nan")):
        ((_, _, antibody, *_, stage, _, _, _, _, _),) = snapshots(warehouse, f"na_{number}")
        assert (antibody, stage) == (text, text)


@pytest.mark.layouts("four_schemas", "one_database")
def test_a_complete_snapshot_never_changes(warehouse: Bench) -> None:
    """Prevents what is landed later, or a rebuild of any kind, changing what operation remembers."""
    for kind, text in base_files("frozen").items():
        warehouse.write(f"before/{kind}.csv", text)
    warehouse.land(warehouse.folder / "before")
    warehouse.run_models(*SNAPSHOTS)
    frozen = whole_rows(warehouse)
    for kind, text in base_files("frozen").items():
        warehouse.write(
            f"after/{kind}.csv", text.replace("0.2", "0.7").replace("REASON", "OTHER").replace("CORE8", "X")
        )
    assert {result["status"] for result in warehouse.land(warehouse.folder / "after")} == {"landed"}
    warehouse.run_models(*SNAPSHOTS)
    assert whole_rows(warehouse) == frozen
    warehouse.run_models(*SNAPSHOTS, "--full-refresh")
    assert whole_rows(warehouse) == frozen


def test_a_trace_that_comes_late_completes_the_snapshot(warehouse: Bench) -> None:
    """Prevents NULLs that stay forever, or a second snapshot beside the incomplete one."""
    files = base_files("late")
    paths = {kind: warehouse.write(f"late/{kind}.csv", text) for kind, text in files.items()}
    warehouse.land(paths["events"])
    warehouse.run_models(*SNAPSHOTS)
    (incomplete,) = whole_rows(warehouse)
    warehouse.run_models(*SNAPSHOTS)
    assert whole_rows(warehouse) == [incomplete]  # nothing new: not even the time

    warehouse.land(paths["fallback"])
    warehouse.run_models(*SNAPSHOTS)
    assert snapshots(warehouse, "late")[0][9:12] == ("PARTIAL_SEAL", "REASON_21", 0.441721)

    warehouse.land(paths["trace"], paths["reservation"])
    warehouse.run_models(*SNAPSHOTS)
    (complete,) = whole_rows(warehouse)
    assert snapshots(warehouse, "late") == notebook.snapshots(**paths)
    assert complete[0] == incomplete[0]  # the same snapshot, now taken
    assert complete[2] > incomplete[2]


def test_a_trace_row_without_measures_completes_the_snapshot_too(warehouse: Bench) -> None:
    """Prevents a snapshot whose trace row was there, with nothing in it, changing when fallback files change."""
    files = base_files("bare")
    files["trace"] = csv_text("run_id,case_id,antibody_id,step,SoMS_cumsum_window", "bare,B_GOVERNED,antibody_C,21,")
    for kind, text in files.items():
        warehouse.write(f"bare/{kind}.csv", text)
    warehouse.land(warehouse.folder / "bare")
    warehouse.run_models(*SNAPSHOTS)
    frozen = whole_rows(warehouse)
    warehouse.write("later/trace.csv", base_files("bare")["trace"])
    warehouse.write("later/fallback.csv", base_files("bare")["fallback"].replace("REASON", "OTHER"))
    warehouse.land(warehouse.folder / "later")
    warehouse.run_models(*SNAPSHOTS)
    assert whole_rows(warehouse) == frozen


def test_export_keeps_every_character(warehouse: Bench) -> None:
    """Prevents a CSV that other scripts cannot read back: commas, quotes, line breaks, blanks, other languages."""
    odd = 'a,"b"\r\nc\\N\t ü 항체 🧬 '
    quoted = '"' + odd.replace('"', '""') + '"'
    for kind, text in base_files("odd").items():
        warehouse.write(f"odd/{kind}.csv", text.replace("antibody_C", quoted))
    warehouse.land(warehouse.folder / "odd")
    warehouse.run_models(*SNAPSHOTS)
    out = warehouse.folder / "odd.csv"
    warehouse.run("export", "snapshot", "--out", out)
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["antibody_id"] == odd
    assert row["SoMS_cumsum_window"] == "2.1"


def test_export_says_what_is_missing(warehouse: Bench, tmp_path: Path) -> None:
    """Prevents a traceback, or half a file, when there is nothing to export or nowhere to write."""
    nothing = warehouse.run("export", "snapshot", "--out", tmp_path / "x.csv")
    assert nothing.exit_code == 1
    assert "run `afterstate build` first" in nothing.stderr
    warehouse.run_models(*SNAPSHOTS)
    (tmp_path / "file").write_text("in the way")
    blocked = warehouse.run("export", "snapshot", "--out", tmp_path / "file" / "x.csv")
    assert blocked.exit_code == 1
    assert "cannot be written" in blocked.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".csv") == []


@pytest.mark.parametrize("statement", ["update", "insert"])
def test_the_keys_are_guarded_by_the_server(warehouse: Bench, statement: str) -> None:
    """Prevents somebody's script doubling a snapshot or emptying its key."""
    for kind, text in base_files("guarded").items():
        warehouse.write(f"{kind}.csv", text)
    warehouse.land(warehouse.folder)
    warehouse.run_models(*SNAPSHOTS)
    change = {
        "update": "update {marts}.shutdown_state_snapshot set run_id = null",
        "insert": "insert into {marts}.shutdown_state_snapshot select 99, snapshot_rule_id, snapshot_created_at, "
        f"{STATE} from {{marts}}.shutdown_state_snapshot",
    }[statement]
    with pytest.raises(Exception, match=r"1048|1062"):
        warehouse.query(change, role="dbt")
