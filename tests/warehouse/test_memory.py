"""What the marts say about remembered snapshots when the files change under them (design section 4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench import ROOT, Bench
from tests.warehouse.scenarios import SNAPSHOTS, base_files, only
from tests.warehouse.scenarios import csv as csv_text

DRIFT = only("shutdown_state_snapshot", "shutdown_snapshot_drift", "landing_loads")
SUMMARY = only("shutdown_state_snapshot", "governed_run_summary")


def land(warehouse: Bench, folder: str, files: dict[str, str]) -> None:
    """Land files from a folder of their own."""
    for kind, text in files.items():
        warehouse.write(f"{folder}/{kind}.csv", text)
    results = warehouse.land(warehouse.folder / folder)
    assert {result["status"] for result in results} <= {"landed", "unchanged", "superseded"}, results


def rows(warehouse: Bench, statement: str) -> list[tuple[Any, ...]]:
    """Read marts as a BI tool does."""
    return warehouse.query(statement, role="bi")


@pytest.mark.layouts("four_schemas", "one_database")
def test_drift_lists_every_column_that_changed(warehouse: Bench) -> None:
    """Prevents a correction upstream that nobody hears of, because the snapshot rightly stays as it was."""
    land(warehouse, "before", base_files("run"))
    assert warehouse.check("shutdown_snapshot_drift_is_empty", *DRIFT) == "pass"
    frozen = rows(warehouse, "select * from {marts}.shutdown_state_snapshot")
    changed = base_files("run")
    changed["events"] = changed["events"].replace("CORE8_PARTIAL_SEAL", "CORE8_FULL_SEAL")
    changed["trace"] = changed["trace"].replace(",2.1,", ",2.5,").replace(",0.213333,", ",,")
    changed["fallback"] = changed["fallback"].replace("REASON_21", "REASON_NEW")
    land(warehouse, "after", changed)
    lines = {"CORE8_FULL_SEAL": 2, "2.5": 4, None: 4, "REASON_NEW": 4}  # the header counted
    for arguments in ((), ("--full-refresh",)):
        assert warehouse.check("shutdown_snapshot_drift_is_empty", *DRIFT, *arguments) == "warn"
        assert rows(warehouse, "select * from {marts}.shutdown_state_snapshot") == frozen
        drift = rows(
            warehouse,
            "select snapshot_id, column_name, frozen_value, current_value, current_line_no, file_path "
            "from {marts}.shutdown_snapshot_drift join {audit}.landing_loads on current_load_id = load_id "
            "order by column_name",
        )
        assert [row[1:4] for row in drift] == [
            ("SoMS_cumsum_window", "2.1", "2.5"),
            ("action_toggle_rate", "0.213333", None),
            ("fallback_reason_code", "REASON_21", "REASON_NEW"),
            ("shutdown_trigger_final", "CORE8_PARTIAL_SEAL", "CORE8_FULL_SEAL"),
        ]
        assert {row[0] for row in drift} == {frozen[0][0]}
        assert [row[4] for row in drift] == [lines[row[3]] for row in drift]
        assert all("/after/" in row[5] for row in drift)


def test_an_older_file_landed_again_changes_nothing(warehouse: Bench) -> None:
    """Prevents last month's file, landed by mistake, taking the place of this month's."""
    land(warehouse, "first", base_files("run"))
    land(warehouse, "second", {"trace": base_files("run")["trace"].replace(",2.1,", ",2.2,")})
    land(warehouse, "first", base_files("run"))
    warehouse.run_models(*SNAPSHOTS)
    assert rows(warehouse, "select SoMS_cumsum_window from {marts}.shutdown_state_snapshot") == [(2.2,)]


def test_a_removed_file_takes_nothing_away(warehouse: Bench) -> None:
    """Prevents a producer's clean-up of its folder emptying the warehouse."""
    land(warehouse, "run", base_files("run"))
    warehouse.run_models(*DRIFT)
    everything = "select * from {marts}.shutdown_state_snapshot"
    remembered = rows(warehouse, everything)
    (warehouse.folder / "run" / "trace.csv").unlink()
    (warehouse.folder / "run" / "events.csv").unlink()
    assert {result["status"] for result in warehouse.land(warehouse.folder / "run")} == {"unchanged"}
    warehouse.run_models(*DRIFT, "--full-refresh")
    assert rows(warehouse, everything) == remembered
    assert rows(warehouse, "select count(*) from {marts}.shutdown_snapshot_drift") == [(0,)]


def test_a_corrected_event_adds_a_snapshot_and_says_so(warehouse: Bench) -> None:
    """Prevents a correction that overwrites what was remembered, or that passes without a word."""
    land(warehouse, "first", base_files("run"))
    assert warehouse.check("shutdown_state_snapshot_has_one_shutdown_per_design", *SUMMARY) == "pass"
    first = rows(warehouse, "select * from {marts}.shutdown_state_snapshot")
    land(warehouse, "corrected", {"events": base_files("run")["events"].replace(",21,", ",22,")})
    assert warehouse.check("shutdown_state_snapshot_has_one_shutdown_per_design", *SUMMARY) == "warn"
    both = rows(warehouse, "select * from {marts}.shutdown_state_snapshot order by shutdown_step")
    assert both[:1] == first
    assert [row[6] for row in both] == [21, 22]
    assert rows(warehouse, "select shutdown_count, first_shutdown_step from {marts}.governed_run_summary") == [(2, 21)]


def test_events_that_disagree_with_their_sources(warehouse: Bench) -> None:
    """Prevents an event whose own copy contradicts the files; and a copy that is merely absent being taken for one."""
    key = "run_id,case_id,antibody_id,shutdown_step"
    header = f"{key},shutdown_trigger_final,fallback_stage,fallback_score,risk_score_total"
    files = base_files("run")
    files["events"] = csv_text(header, "run,B_GOVERNED,antibody_C,21,CORE8_PARTIAL_SEAL,FULL_SEAL,0.441721,")
    del files["reservation"]
    land(warehouse, "run", files)
    assert warehouse.check("shutdown_event_disagreements_is_empty", *only("shutdown_event_disagreements")) == "warn"
    assert rows(
        warehouse,
        "select shutdown_step, column_name, event_value, joined_value from {marts}.shutdown_event_disagreements",
    ) == [(21, "fallback_stage", "FULL_SEAL", "PARTIAL_SEAL")]


def test_coverage_counts_what_is_missing(warehouse: Bench) -> None:
    """Prevents incomplete snapshots that nobody can count."""
    land(warehouse, "whole", base_files("whole"))
    partial = base_files("partial")
    partial["events"] += csv_text("partial,B_GOVERNED,antibody_X,5,CORE8_PARTIAL_SEAL")
    del partial["reservation"]
    land(warehouse, "partial", partial)
    warehouse.run_models(*only("shutdown_snapshot_coverage", "shutdown_snapshot_inputs"))
    assert rows(
        warehouse,
        "select run_id, event_count, matched_count, missing_trace_count, missing_fallback_count, "
        "missing_reservation_count, incomplete_count from {marts}.shutdown_snapshot_coverage order by run_id",
    ) == [("partial", 2, 1, 1, 1, 2, 2), ("whole", 1, 1, 0, 0, 0, 0)]
    assert rows(
        warehouse,
        "select run_id, antibody_id, is_complete, missing_inputs from {marts}.shutdown_snapshot_inputs order by 1, 2",
    ) == [
        ("partial", "antibody_C", 0, "reservation"),
        ("partial", "antibody_X", 0, "trace, fallback, reservation"),
        ("whole", "antibody_C", 1, None),
    ]


def test_what_followed_the_shutdown(warehouse: Bench) -> None:
    """Prevents the timeline missing steps, counting distance from elsewhere, or comparing with the moving state."""
    land(warehouse, "run", base_files("run"))
    warehouse.run_models(*only("post_shutdown_timeline"))
    timeline = (
        "select step, steps_after_shutdown, SoMS_cumsum_window, round(SoMS_cumsum_window_difference, 9), "
        "veto_streak_difference, fallback_stage, round(fallback_score_difference, 9), "
        "round(risk_score_total_difference, 9) from {marts}.post_shutdown_timeline order by step"
    )
    expected = [
        (22, 1, 2.2, 0.1, 1, "PARTIAL_SEAL", 0.000001, 0.000001),
        (23, 2, 2.3, 0.2, 2, "PARTIAL_SEAL", 0.000002, 0.000002),
    ]
    assert rows(warehouse, timeline) == expected
    land(warehouse, "later", {"trace": base_files("run")["trace"].replace(",2.1,", ",9.9,")})
    warehouse.run_models(*only("post_shutdown_timeline"))
    assert rows(warehouse, timeline) == expected  # still against the frozen state


def test_another_rule_has_its_own_timeline(warehouse: Bench) -> None:
    """Prevents a rule's snapshots without what followed them, where nothing has landed since the rule was changed."""
    counted = (
        "select snapshot_rule_id, count(*) from {marts}.post_shutdown_timeline as timeline "
        "inner join {marts}.shutdown_state_snapshot as snapshots on timeline.snapshot_id = snapshots.id group by 1"
    )
    for rule, run in (("first", "run"), ("second", None), ("second", "later"), ("first", None)):
        if run:
            land(warehouse, run, base_files(run))
        warehouse.run_models(*only("post_shutdown_timeline"), "--vars", f"{{snapshot_rule_id: {rule}}}")
    assert sorted(rows(warehouse, counted)) == [("first", 4), ("second", 4)]


def test_differences_that_no_type_can_hold(warehouse: Bench) -> None:
    """Prevents one odd step of one run stopping the mart of all runs (errors 1264 and 1690)."""
    low, high = -(2**31), 2**31 - 1
    most = 1.7976931348623157e308
    events, trace = (base_files("run")[kind].partition("\n")[0] for kind in ("events", "trace"))
    land(
        warehouse,
        "odd",
        {
            "events": csv_text(events, f"run,B_GOVERNED,antibody_C,{low},X"),
            "trace": csv_text(
                trace,
                f"run,B_GOVERNED,antibody_C,{low},{-most},{most},{-most / 2},{low}",
                f"run,B_GOVERNED,antibody_C,{high},{most},{most},{most / 2},{high}",
            ),
        },
    )
    warehouse.run_models(*only("post_shutdown_timeline"))
    assert rows(
        warehouse,
        "select steps_after_shutdown, SoMS_cumsum_window_difference, action_toggle_rate_difference, "
        "blocked_rate_window_difference, veto_streak_difference from {marts}.post_shutdown_timeline",
    ) == [(2**32 - 1, None, 0.0, most, 2**32 - 1)]


def test_the_sample_runs_summary(warehouse: Bench) -> None:
    """Prevents designs missing from the summary, or extremes taken over the wrong rows."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.run_models(*only("governed_run_summary", "post_shutdown_timeline"))
    summary = rows(
        warehouse,
        "select case_id, antibody_id, step_count, first_step, last_step, shutdown_count, first_shutdown_step "
        "from {marts}.governed_run_summary order by case_id, antibody_id",
    )
    assert [row[:2] for row in summary] == [
        (case, antibody)
        for case in ("A_BASELINE", "B_GOVERNED")
        for antibody in ("antibody_A", "antibody_B", "antibody_C")
    ]
    assert {row[2:5] for row in summary} == {(30, 0, 29)}
    assert [row[5:] for row in summary] == [(0, None)] * 5 + [(1, 21)]
    ((steps, after),) = rows(
        warehouse, "select count(*), max(steps_after_shutdown) from {marts}.post_shutdown_timeline"
    )
    assert (steps, after) == (8, 8)


def test_what_did_we_know_when(warehouse: Bench) -> None:
    """Prevents a restated row whose earlier statements cannot be asked for any more."""
    for number, value in enumerate(("2.1", "2.2", "2.3")):
        land(warehouse, f"week{number}", {"trace": base_files("run")["trace"].replace(",2.1,", f",{value},")})
    warehouse.run_models(*only("core_state_trace_history"))
    history = rows(
        warehouse,
        "select SoMS_cumsum_window, valid_from, valid_to from {audit}.core_state_trace_history "
        "where step = 21 order by load_id",
    )
    assert [row[0] for row in history] == [2.1, 2.2, 2.3]
    assert [row[2] for row in history] == [history[1][1], history[2][1], None]
    assert history[0][1] < history[1][1] < history[2][1]


@pytest.mark.layouts("four_schemas")
def test_bi_tools_show_what_each_column_means(warehouse: Bench) -> None:
    """Prevents a column without an explanation in the tool that an analyst opens; a stale one after a change."""
    warehouse.build_without_tests()
    tables = rows(
        warehouse,
        "select table_name, table_comment from information_schema.tables where table_schema = '{marts}' "
        "and table_type = 'BASE TABLE'",
    )
    assert len(tables) >= 12
    assert all(comment.startswith(("One row for each", "One row per")) for _, comment in tables)
    # a view's columns have no comments on either server; the texts of op_state_spans are in dbt's docs
    bare = rows(
        warehouse,
        "select columns.table_name, columns.column_name from information_schema.columns as columns "
        "inner join information_schema.tables as tables using (table_schema, table_name) "
        "where table_schema = '{marts}' and tables.table_type = 'BASE TABLE' "
        "and columns.column_comment = ''",
    )
    assert bare == []
    warehouse.query(
        "alter table {marts}.shutdown_state_snapshot modify column run_id varchar(64) not null comment 'old'",
        role="dbt",
    )
    warehouse.run_models(*SNAPSHOTS)
    ((comment,),) = rows(
        warehouse,
        "select column_comment from information_schema.columns where table_schema = '{marts}' "
        "and table_name = 'shutdown_state_snapshot' and column_name = 'run_id'",
    )
    assert comment.startswith("The governed run")
