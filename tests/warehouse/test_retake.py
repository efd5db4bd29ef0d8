"""`afterstate retake`: a wrong snapshot is taken again, and the former one stays readable (design section 4)."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest
from click.testing import Result

from afterstate.warehouse.connect import connect
from tests.bench import Bench
from tests.warehouse.scenarios import base_files, only
from tests.warehouse.test_remembering import build_memory, memory

DRIFT = only("shutdown_state_snapshot", "shutdown_snapshot_drift")
SNAPSHOTS = "select * from {marts}.shutdown_state_snapshot order by run_id"


def land(warehouse: Bench, run: str, folder: str, **replaced: str) -> None:
    """Land a run's files; `replaced` names kinds and what their value at the shutdown is."""
    for kind, text in base_files(run).items():
        if kind in replaced:
            text = text.replace(",2.1,", f",{replaced[kind]},").replace("REASON_21", replaced[kind])
        warehouse.write(f"{folder}/{run}/{kind}.csv", text)
    warehouse.land(warehouse.folder / folder / run)


def retake(warehouse: Bench, run: str, *options: str, reason: str = "the window was open") -> Result:
    """Retake a run's snapshot."""
    key = ("--run", run, "--case", "B_GOVERNED", "--antibody", "antibody_C", "--step", "21")
    return warehouse.run("retake", *key, "--reason", reason, *options)


def retakes(warehouse: Bench, columns: str) -> list[tuple[Any, ...]]:
    """Read what snapshots said before they were taken again, as a BI tool does."""
    return warehouse.query(f"select {columns} from {{marts}}.shutdown_snapshot_retakes order by snapshot_id", role="bi")


@pytest.mark.layouts("four_schemas", "one_database")
def test_a_wrong_snapshot_is_taken_again_twice(warehouse: Bench) -> None:
    """Prevents a known mistake that nobody can correct, or a correction that hides what was remembered before."""
    for run in ("run", "other"):
        land(warehouse, run, "first")
    build_memory(warehouse)
    ((other, first),) = [warehouse.query(SNAPSHOTS, role="bi")]
    ids = [first[0]]
    for value in ("2.5", "2.7"):
        land(warehouse, "run", value, trace=value)
        assert warehouse.check("shutdown_snapshot_drift_is_empty", *DRIFT) == "warn"
        done = retake(warehouse, "run", reason=f"it was {value}")
        assert done.exit_code == 0, done.output
        assert "`afterstate build`" in done.stderr
        for arguments in ((), ("--full-refresh",)):
            assert warehouse.check("shutdown_snapshot_drift_is_empty", *DRIFT, *arguments) == "pass"
            now, again = warehouse.query(SNAPSHOTS, role="bi")
            assert now == other  # the snapshot of another run, to the microsecond
            assert again[8] == float(value)
        assert again[0] not in ids
        assert again[2] > first[2]
        ids.append(again[0])
    former = retakes(warehouse, "snapshot_id, retaken_as, reason, SoMS_cumsum_window, trace_taken_at, retaken_by")
    assert [row[:4] for row in former] == [
        (ids[0], ids[1], "it was 2.5", 2.1),
        (ids[1], ids[2], "it was 2.7", 2.5),
    ]
    assert former[0][4] == first[2]
    assert all("@" in row[5] for row in former)


def test_a_snapshot_that_is_right_stays(warehouse: Bench) -> None:
    """Prevents a command that was run twice wearing out ids and filling the history with nothing."""
    land(warehouse, "run", "first")
    build_memory(warehouse)
    before = memory(warehouse)
    assert retake(warehouse, "run").stdout.startswith("unchanged")
    assert memory(warehouse) == before
    assert retakes(warehouse, "snapshot_id") == []


def test_many_snapshots_are_taken_again_or_none(warehouse: Bench) -> None:
    """Prevents half of a file's snapshots taken again, since one of them has a typing error."""
    runs = [f"run_{number}" for number in range(5)]
    for run in runs:
        land(warehouse, run, "first")
    build_memory(warehouse)
    for run in runs:
        land(warehouse, run, "second", fallback="REASON_LATER")
    before = memory(warehouse)
    lines = [f"{run},B_GOVERNED,antibody_C,21,x" for run in [*runs, runs[0]]]
    header = "run_id,case_id,antibody_id,shutdown_step,note"
    good = warehouse.write("good.csv", "\n".join([header, *lines]))
    bad = warehouse.write("bad.csv", "\n".join([header, *lines, "run_9,B_GOVERNED,antibody_C,21,x"]))
    refused = warehouse.run("retake", "--file", bad, "--reason", "ticket 1")
    assert refused.exit_code == 1
    assert "run `run_9`" in refused.stderr
    assert memory(warehouse) == before
    done = warehouse.run("retake", "--file", good, "--reason", "ticket 1")
    assert done.exit_code == 0, done.output
    after = memory(warehouse)
    assert {after[run]["fallback_reason_code"] for run in runs} == {"REASON_LATER"}
    assert retakes(warehouse, "count(*), min(reason), max(reason)") == [(5, "ticket 1", "ticket 1")]


def test_what_can_not_be_taken_again_is_said(warehouse: Bench) -> None:
    """Prevents a retake that passes without a word where it did nothing, or without a reason."""
    assert "run `afterstate build` first" in retake(warehouse, "run").stderr
    land(warehouse, "run", "first")
    build_memory(warehouse)
    assert "no snapshot is remembered of run `none`" in retake(warehouse, "none").stderr
    assert "under the rule `core10_03`" in retake(warehouse, "run", "--rule", "core10_03").stderr
    for reason in ("", "  ", "x" * 1001):
        assert retake(warehouse, "run", reason=reason).exit_code == 2
    assert retake(warehouse, "run", "--rule", "").exit_code == 2
    assert warehouse.run("retake", "--run", "run", "--reason", "x").exit_code == 2
    nothing = warehouse.write("keys.csv", "run_id,case_id,antibody_id\n")
    assert "no column `shutdown_step`" in warehouse.run("retake", "--file", nothing, "--reason", "x").stderr
    korean = warehouse.write("korean.csv", "run_id,case_id,antibody_id,step\n항체".encode("cp949"))
    assert "expected a CSV in UTF-8" in warehouse.run("retake", "--file", korean, "--reason", "x").stderr
    half = warehouse.write("half.csv", "run_id,case_id,antibody_id,step\nr,c,a,21.5\n")
    assert "half.csv, line 2: `21.5` is not a step" in warehouse.run("retake", "--file", half, "--reason", "x").stderr


def test_a_retake_beside_a_build_ends_as_if_one_had_waited(warehouse: Bench) -> None:
    """Prevents a build, at its merge while the snapshot is taken again, putting the former values back."""
    land(warehouse, "run", "first")
    build_memory(warehouse)
    land(warehouse, "run", "second", trace="2.5")
    for number in range(3):
        builder = threading.Thread(target=build_memory, args=(warehouse,))
        builder.start()
        assert retake(warehouse, "run").exit_code == 0
        builder.join()
        land(warehouse, "run", f"again_{number}", trace=f"2.{number + 6}")
    build_memory(warehouse)
    assert memory(warehouse)["run"]["SoMS_cumsum_window"] == 2.7
    assert len(retakes(warehouse, "snapshot_id")) == 3


def test_former_values_are_kept_by_the_server(warehouse: Bench) -> None:
    """Prevents a history of corrections that can be corrected itself."""
    land(warehouse, "run", "first")
    build_memory(warehouse)
    land(warehouse, "run", "second", trace="2.5")
    warehouse.build_without_tests("--select", "shutdown_snapshot_retakes")
    assert retake(warehouse, "run").exit_code == 0
    with closing(connect(warehouse.warehouse.dbt)) as connection, connection.cursor() as cursor:
        for change in ("update {} set reason = 'other'", "update {} set SoMS_cumsum_window = 0", "delete from {}"):
            try:
                cursor.execute(change.format(f"`{warehouse.warehouse.schemas.marts}`.shutdown_snapshot_retakes"))
            except Exception as error:
                assert "see `afterstate retake`" in str(error)
            else:
                raise AssertionError(change)
