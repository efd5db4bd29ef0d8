"""What `export snapshot`, `status` and `doctor` say of snapshots that are stale, incomplete or contradicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import Bench
from tests.warehouse.scenarios import base_files, only
from tests.warehouse.test_remembering import MEMORY_ALONE, build_memory

EXPORTED = only("shutdown_state_snapshot", "shutdown_snapshot_drift", "shutdown_snapshot_inputs")


def land(warehouse: Bench, folder: str, *kinds: str, **replaced: tuple[str, str]) -> None:
    """Land some of a run's files; `replaced` says, by kind, what is written instead of what."""
    for kind in kinds or base_files("run"):
        warehouse.write(f"{folder}/{kind}.csv", base_files("run")[kind].replace(*replaced.get(kind, ("", ""))))
    warehouse.land(warehouse.folder / folder)


def test_an_export_refuses_what_is_not_built(warehouse: Bench) -> None:
    """Prevents last week's CSV, without a word, since nobody thought of the build after the landing."""
    out = warehouse.folder / "snapshot.csv"
    land(warehouse, "first")
    build_memory(warehouse)
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0
    first = out.read_text()
    warehouse.write("first/events.csv", base_files("other")["events"])
    warehouse.land(warehouse.folder / "first")
    refused = warehouse.run("export", "snapshot", "--out", out)
    assert refused.exit_code == 1
    assert "core files have landed since the last build: 1" in refused.stderr
    warehouse.land(warehouse.write("op_state_timeline_261122_1.csv", "start,end,die,plane,op_state,op_name\n"))
    status = warehouse.run("status").stdout
    assert "core files that wait for a build: 1" in status
    assert "nand files that wait for a build: 1" in status
    assert warehouse.run("export", "snapshot", "--out", out, "--stale").exit_code == 0
    assert out.read_text() == first
    build_memory(warehouse)
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0
    assert len(out.read_text().splitlines()) == 3
    key = ("--run", "run", "--case", "B_GOVERNED", "--antibody", "antibody_C", "--step", "21")
    land(warehouse, "second", "trace", trace=(",2.1,", ",2.2,"))
    build_memory(warehouse)
    assert warehouse.run("retake", *key, "--reason", "corrected").exit_code == 0
    assert "taken again or restored since the last build: 1" in warehouse.run("export", "snapshot", "--out", out).stderr


def test_a_file_that_landed_beside_a_build_still_waits(warehouse: Bench) -> None:
    """Prevents a file taken for built by a build that had read the files before it landed, or that failed."""
    out = warehouse.folder / "snapshot.csv"
    land(warehouse, "first", "events")
    # a build that gets no further than its list of files
    warehouse.build_without_tests("--select", "+int_shutdown__loads", "+shutdown_snapshot_memory")
    assert "not built yet" in warehouse.run("export", "snapshot", "--out", out).stderr
    build_memory(warehouse)
    land(warehouse, "second", "trace")
    warehouse.build_without_tests("--select", "int_shutdown__loads")
    warehouse.build_without_tests("--select", "shutdown_snapshot_memory", "shutdown_state_snapshot")
    assert "since the last build: 1" in warehouse.run("export", "snapshot", "--out", out).stderr
    build_memory(warehouse)
    assert warehouse.run("export", "snapshot", "--out", out).exit_code == 0


def test_an_export_is_of_one_rule(warehouse: Bench, tmp_path: Path) -> None:
    """Prevents a CSV that has each shutdown once for each rule that was tried, or a rule without a name."""
    out = warehouse.folder / "snapshot.csv"
    land(warehouse, "first")
    build_memory(warehouse)
    warehouse.build_without_tests(*MEMORY_ALONE, "--vars", '{snapshot_rule_id: "it\'s \\\\ two"}')
    for options, rule in (((), "core10_02_v1"), (("--rule", "it's \\ two"), "it's \\ two")):
        assert warehouse.run("export", "snapshot", "--out", out, *options).exit_code == 0
        (row,) = out.read_text().splitlines()[1:]
        assert f",{rule}," in row
    unknown = warehouse.run("export", "snapshot", "--out", out, "--rule", "core10_03")
    assert unknown.exit_code == 1
    assert "expected one of: core10_02_v1, it's \\ two" in unknown.stderr
    assert warehouse.run("export", "snapshot", "--out", out, "--rule", "").exit_code == 2
    with pytest.raises(AssertionError, match="expected a name of 1 to 64 characters"):
        warehouse.build_without_tests(*MEMORY_ALONE, "--vars", '{snapshot_rule_id: ""}')


@pytest.mark.usefixtures("without_dbt_debug")
def test_gaps_and_drift_are_said_with_where_to_look(warehouse: Bench) -> None:
    """Prevents a CSV that says 7.2 where the files say 7.4, and `no problems found` everywhere else."""
    out = warehouse.folder / "snapshot.csv"
    land(warehouse, "first", "events", "trace", "fallback")
    assert "the snapshots are not built yet" in warehouse.run("status").stdout
    warehouse.build_without_tests(*EXPORTED)
    land(warehouse, "second", "trace", trace=(",2.1,", ",2.2,"))
    warehouse.build_without_tests(*EXPORTED)
    exported = warehouse.run("export", "snapshot", "--out", out)
    assert exported.stdout.startswith("snapshots: 1 (incomplete: 1, drifted: 1), written to ")
    for place in ("shutdown_snapshot_inputs", "shutdown_snapshot_drift"):
        assert f"`{warehouse.warehouse.schemas.marts}.{place}`" in exported.stderr
    for command in ("status", "doctor"):
        said = warehouse.run(command).stdout
        assert "incomplete snapshots: 1" in said
        assert "SoMS_cumsum_window is frozen as 2.1, the files say 2.2" in said
        assert "second/trace.csv, line 4" in said
    land(warehouse, "third", "reservation")
    key = ("--run", "run", "--case", "B_GOVERNED", "--antibody", "antibody_C", "--step", "21")
    assert warehouse.run("retake", *key, "--reason", "corrected").exit_code == 0
    warehouse.build_without_tests(*EXPORTED)
    exported = warehouse.run("export", "snapshot", "--out", out)
    assert exported.stdout.startswith("snapshots: 1 (incomplete: 0, drifted: 0)")
    assert "shutdown_snapshot_" not in exported.stderr
    assert "the snapshots are built, complete, and agree with the files" in warehouse.run("doctor").stdout
