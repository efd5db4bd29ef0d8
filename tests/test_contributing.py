"""The recipes of docs/contributing.md are followed to the letter in a copy of the repository, and oversights found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import ROOT, Bench
from tests.test_repository import tracked

GUIDE = (ROOT / "docs" / "contributing.md").read_text()
MEASURE, SOURCE = "Add a measure to the snapshot", "Add a source"
EVENT = "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final\nr,c,{},21,X\n"
TRACE = "run_id,case_id,antibody_id,step,veto_streak,refusal_pressure\nr,c,{},21,1,{}\n"


def steps(section: str) -> Iterator[tuple[str, str, str]]:
    """Yield the steps of a section: the file, the language of the block, and the block."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## )", GUIDE, re.DOTALL | re.MULTILINE)
    file = ""
    for named, language, block in re.findall(r"`([\w/]+\.\w+)`:\n|```(\w+)\n(.*?)```", text, re.DOTALL):
        file = named or file
        if block:
            yield file, language, block


def apply(root: Path, file: str, language: str, block: str) -> None:
    """Do one step in a copy of the repository."""
    path = root / file
    if language != "diff":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
        return
    lines = block.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    text = path.read_text()
    assert text.count(before) == 1, f"{file} does not have, once:\n{before}"
    path.write_text(text.replace(before, after))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what is in version control."""
    root = tmp_path / "copy"
    for path in tracked():
        if path.suffix not in (".png", ".lock") and "tests/data" not in str(path):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return root


def run_python(root: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def problems(root: Path) -> list[str]:
    return run_python(root, "tools.recipes").stderr.splitlines()


def test_a_measure_and_a_source_are_added_by_the_guide(warehouse: Bench, copy: Path) -> None:
    """Prevents a guide that leads astray, and a measure that takes more than the files it names."""
    assert len({file for file, _, _ in steps(MEASURE)}) <= 5
    warehouse.land(warehouse.write("events.csv", EVENT.format("old")), warehouse.write("t.csv", TRACE.format("old", 9)))
    warehouse.build_without_tests("--select", "tag:core")

    for section in (MEASURE, SOURCE):
        for step in steps(section):
            apply(copy, *step)
    run_python(copy, "tools.recipes", "--fix")
    assert problems(copy) == ["tests/loaders/odd/kinds.py: `fab_lot_events` is not tried with odd files"]
    assert run_python(copy, "tools.column_types").stderr == ""

    files = [
        warehouse.write("new_events.csv", EVENT.format("new")),
        warehouse.write("new_trace.csv", TRACE.format("new", 0.25)),
        warehouse.write("lot_events.csv", "lot_id,event_no,tool_id,yield_share\nL1,1,T1,0.5\n"),
    ]
    selected = ("--select", "tag:core", "stg_fab__lot_events", "assert_loads_hold_their_rows")
    exported = warehouse.folder / "snapshot.csv"
    for command in (["up"], ["land", *files], ["build", *selected], ["export", "snapshot", "--out", exported]):
        done = run_python(copy, "afterstate", *command, **warehouse.environment)
        print(done.stdout, done.stderr)  # whole, where pytest would cut it
        assert done.returncode == 0
    statement = "select antibody_id, refusal_pressure from {marts}.shutdown_state_snapshot order by 1"
    states = warehouse.query(statement, role="dbt")
    assert states == [("new", 0.25), ("old", None)]  # what is frozen stays
    assert ",veto_streak,refusal_pressure,fallback_stage," in exported.read_text().splitlines()[0]
    assert warehouse.query("select lot_id, yield_share from {staging}.stg_fab__lot_events", role="dbt") == [("L1", 0.5)]


# What is forgotten: files by pattern, a text in them (empty: the whole file), its replacement, and what the linter
# says.
FORGOTTEN = (
    ("macros/snapshot_inputs.sql", ', "veto_streak"', "", "macros/snapshot_inputs.sql: `trace`"),
    ("models/_docs.md", "docs veto_streak", "docs x", "models/_docs.md: `veto_streak`"),
    (
        "models/staging/core/_core__sources.yml",
        "- name: core9_reservation_log",
        "- name: x",
        "no table `core9_reservation_log`",
    ),
    (
        "models/staging/nand/stg_nand__operations.sql",
        "nand_operation_timeline",
        "x",
        "no model reads `nand_operation_timeline`",
    ),
    (
        "models/staging/nand/_nand__sources.yml",
        "- name: nand_proposer_log",
        "- name: new",
        "loaders/recognise.py: no kind `new`",
    ),
    ("docs/landing.md", "| nand_proposer_log |", "| |", "no row for `nand_proposer"),
    ("tests/loaders/odd/kinds.py", "core8_fallback_decisions", "x", "`core8_fallback_decisions` is not tried with odd"),
    ("models/marts/shutdown/shutdown_snapshot_drift.yml", "", "", "snapshot_drift.yml: missing"),
    ("docs/marts.md", "`shutdown_snapshot_coverage`", "it", "no row says what"),
    ("tests/**/*.py", "shutdown_snapshot_coverage", "x", "no test reads"),
    ("docs/server.md", "`max_allowed_packet`", "it", "no row for `max_allowed"),
    ("tests/server/test_unfriendly.py", '("max_allowed_packet"', '("x"', "no server with a bad `max_allowed_packet`"),
    (
        "loaders/tables.py",
        "mysql.VARCHAR(64, collation=collation), primary_key",
        "mysql.TEXT(), primary_key",
        "loaders/migrations.py: add a step, `landing_sessions`",
    ),
    ("afterstate/report/page.py", '    "heatmaps.js",\n', "", "`heatmaps.js` is not among"),
    ("afterstate/report/assets/report.html", "loads-chart", "x", "no element `#loads-chart`"),
    ("tests/report/*.py", "pairs-chart", "x", "no test looks at `#pairs-chart`"),
)


def test_what_is_forgotten_is_found(copy: Path) -> None:
    """Prevents a change that is half of one: the linter that should find it looks at nothing."""
    assert problems(copy) == []
    for pattern, text, other, _ in FORGOTTEN:
        for file in copy.glob(pattern):
            if not text:
                file.unlink()
            elif text in file.read_text():
                file.write_text(file.read_text().replace(text, other))
    found = problems(copy)
    unseen = [expected for *_, expected in FORGOTTEN if not any(expected in line for line in found)]
    assert not unseen, found
