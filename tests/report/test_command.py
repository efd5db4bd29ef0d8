"""`afterstate report` on the command line: what it refuses, and what it shows when there is little or very much."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from afterstate.cli.simulate import simulate_nand
from afterstate.explain.rule import TABLE
from afterstate.report import timelines, write
from afterstate.report.audit import read_tests
from afterstate.report.page import ASSETS, SCRIPTS
from afterstate.warehouse.connect import open_cursor
from tests.bench import ROOT, Bench
from tests.report.browser import open_browser, open_report


def test_what_a_report_refuses(warehouse: Bench) -> None:
    """Prevents a page of nothing before a build, a traceback for a folder that cannot be written, half a page left."""
    out = warehouse.folder / "report.html"
    early = warehouse.run("report", "--out", out)
    assert early.exit_code == 1
    assert "run `afterstate build` first" in early.output
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core", "models/audit")
    wrong = warehouse.run("report", "--out", out, "--session", "nosuch")
    assert (wrong.exit_code, "no session `nosuch`" in wrong.output) == (1, True)
    assert not out.exists()
    blocked = warehouse.write("file", "")
    refused = warehouse.run("report", "--out", blocked / "report.html")
    assert (refused.exit_code, "cannot be written" in refused.output) == (1, True)
    assert [path.name for path in warehouse.folder.iterdir()] == ["file"]


def test_marts_of_an_older_version_are_built_first(warehouse: Bench) -> None:
    """Prevents a bare "unknown column" after an update, where only a build is missing."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core", "models/audit")
    former = "create or replace view {audit}.core_state_trace_history as select load_id from {audit}.landing_loads"
    warehouse.query(former, role="dbt")
    design = ("--run", "core7_04_1767776352", "--case", "B_GOVERNED", "--antibody", "antibody_C", "--step", "21")
    for command in (("report", "--out", warehouse.folder / "report.html"), ("explain", "snapshot", *design)):
        said = warehouse.run(*command)
        assert (said.exit_code, "run `afterstate build` first" in said.stderr) == (1, True), said.output


def test_a_half_that_is_not_built_is_said_to_be_missing(warehouse: Bench) -> None:
    """Prevents a page that fails, or shows empty charts, where only one family is used."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core", "models/audit")
    out = warehouse.folder / "report.html"
    assert warehouse.run("report", "--out", out).exit_code == 0
    with open_browser() as browser:
        opened = open_report(browser, out)
        assert "not built yet" in opened.page.inner_text("#timeline")
        assert opened.page.locator("#shutdown-chart canvas").count() == 1
        assert opened.said == []


def test_a_build_meanwhile_is_waited_for(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a report that fails, or shows two moments at once, because a build replaced a table under it."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core", "models/audit")
    read, reads = write.read_landed, []

    def replacing(reading: Any, schemas: Any) -> dict[str, Any]:
        reads.append(schemas.marts)
        if len(reads) == 1:
            drift, other, old = (f"`{schemas.marts}`.shutdown_snapshot_drift{end}" for end in ("", "_new", "_old"))
            with open_cursor(warehouse.warehouse.dbt) as cursor:
                cursor.execute(f"create table {other} like {drift}")
                cursor.execute(f"rename table {drift} to {old}, {other} to {drift}")
        return dict(read(reading, schemas))

    monkeypatch.setattr(write, "read_landed", replacing)
    out = warehouse.folder / "report.html"
    done = warehouse.run("report", "--out", out)
    assert (done.exit_code, len(reads)) == (0, 2), done.output
    monkeypatch.setattr(write, "TRIES", 0)
    assert "try again after the build" in warehouse.run("report", "--out", out).output


def test_a_timeline_that_is_too_long_says_what_is_left_out(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents segments that vanish without a word, and sessions that nobody knows are missing."""
    for name in ("chip_1", "chip_2"):
        simulate_nand(warehouse.folder / name, seed=3, run_until_us=3000.0, runs=1, date="261122")
        warehouse.land(warehouse.folder / name)
    warehouse.build_without_tests("--select", "tag:nand", "models/audit")
    monkeypatch.setattr(timelines, "MAX_SEGMENTS", 60)
    monkeypatch.setattr(timelines, "MAX_PROPOSALS", 5)
    out = warehouse.folder / "report.html"
    assert warehouse.run("report", "--out", out).exit_code == 0
    with open_browser() as browser:
        opened = open_report(browser, out)
        text = opened.page.inner_text("#timeline-text")
        total = warehouse.query("select count(*) from {marts}.op_state_spans where session_id = 'chip_2'", role="bi")[
            0
        ][0]
        shown, from_tick = opened.evaluate("[TIMELINE.session.shown.segments, TIMELINE.session.from_tick]")
        held = warehouse.query(
            "select count(*) from {marts}.op_state_spans where session_id = 'chip_2' and start_tick >= %s",
            from_tick,
            role="bi",
        )
        assert (shown, shown <= 60) == (held[0][0], True)
        assert f"the last {shown} of {total} segments" in text
        assert "Not on this page: chip_1" in text
        assert opened.evaluate("TIMELINE.drawn.wide + TIMELINE.drawn.narrow") == shown
    assert warehouse.run("report", "--out", out, "--session", "chip_1").exit_code == 0
    assert '"name":"chip_1"' in out.read_text()


def test_results_of_another_command_are_not_taken_for_tests(tmp_path: Path) -> None:
    """Prevents results of another warehouse, or of no test, shown as this one's; and a broken file."""
    assert read_tests(tmp_path, "afterstate") is None
    found = {
        "metadata": {"generated_at": "2026-11-26T05:00:00.123Z"},
        "args": {"which": "build", "target": "afterstate"},
        "results": [
            {"unique_id": "model.afterstate.a", "status": "success"},
            {"unique_id": "test.afterstate.no_drift.1", "status": "warn", "failures": 2, "message": "Got 2 results"},
            {"unique_id": "test.afterstate.key.2", "status": "pass", "failures": 0, "message": None},
        ],
    }
    file = tmp_path / "run_results.json"
    file.write_text(json.dumps(found))
    tests = read_tests(tmp_path, "afterstate")
    assert tests is not None
    assert tests["counts"] == {"warn": 1, "pass": 1}
    assert tests["table"]["rows"] == [["no_drift", "warn", 2, "Got 2 results"]]
    assert read_tests(tmp_path, "other") is None
    file.write_text(json.dumps({**found, "args": {"which": "generate", "target": "afterstate"}}))
    assert read_tests(tmp_path, "afterstate") is None  # `dbt docs generate` compiles each test, and runs none
    file.write_text("{")
    assert read_tests(tmp_path, "afterstate") is None


def test_the_chart_library_is_what_its_note_says() -> None:
    """Prevents a vendored file that was changed by hand, or without its licence; a forgotten script."""
    place = ROOT / "afterstate" / "report" / "assets" / "echarts"
    note = json.loads((place / "package.json").read_text())
    found = {name: f"sha256-{hashlib.sha256((place / name).read_bytes()).hexdigest()}" for name in note["files"]}
    assert found == note["files"]
    assert {path.name for path in place.iterdir()} == {*found, "package.json"}
    assert note["version"] in (place / "echarts.min.js").read_text()
    scripts = {path.name for path in ASSETS.iterdir() if path.name.endswith(".js")}
    assert scripts == set(SCRIPTS)


def test_the_nand_sample_is_what_its_command_makes(tmp_path: Path) -> None:
    """Prevents a sample that no longer is what samples/README.md says it is."""
    simulate_nand(tmp_path, seed=1, run_until_us=2000.0, runs=2, date="261122")
    sample = sorted((ROOT / "samples" / "nand" / "chip_1").iterdir())
    assert len(sample) == 8
    for file in sample:
        assert file.read_bytes() == (tmp_path / file.name).read_bytes(), file.name


def test_the_documented_rule_is_the_one_that_explains() -> None:
    """Prevents a table in the docs whose rows are numbered or worded otherwise than `explain` says."""
    rows = [line.strip("| \n").split(" | ") for line in (ROOT / "docs" / "explain.md").read_text().splitlines()]
    table = [[cell.replace("`", "") for cell in row] for row in rows if row[0].isdigit()]
    assert table == [[str(row.number), row.case, row.covering, row.before] for row in TABLE]
