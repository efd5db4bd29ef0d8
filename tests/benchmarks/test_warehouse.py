"""The warehouse benchmark, run small: every way ends with our tables, and says what it did not measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.warehouse.files import write_core, write_session
from benchmarks.warehouse.report import OURS, TITLES, Report
from benchmarks.warehouse.warehouse import Run
from benchmarks.warehouse.ways import FAMILIES
from tests.bench import ROOT, Server, missing

ROWS = 2_000


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a temporary folder whose path leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


@pytest.mark.engines("mariadb")  # it takes minutes; `script/benchmark-warehouse --sizes 2000` does the same on both
def test_all_ways_end_with_our_tables(server: Server, tmp_path: Path, short_folder: Path) -> None:
    """Prevents a ratio of two ways that did not do the same work, a missing line, a server that is left behind."""
    if not OTHERS_PYTHON.exists():
        missing("`script/benchmark-environment` makes what this compares with")
    options = {
        "--server": server.engine,
        "--sizes": str(ROWS),
        "--rounds": "1",
        "--json": str(tmp_path / "figures.json"),
        "--markdown": str(tmp_path / "figures.md"),
        "--out": str(tmp_path / "figures.svg"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.warehouse", *(part for option in options.items() for part in option)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(short_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # it ends with an error where tables differ
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    for family in FAMILIES.values():
        ours = set(OURS) - ({"models", "land+models"} if family.name == "core" else set())
        ways = {way.name for way in family.ways if server.engine in way.engines}
        assert {f["what"] for f in figures if f["family"] == family.name} == ours | ways
    for figure in figures:
        (run,) = figure["runs"]
        assert run["seconds"] > 0
        assert run["queries"] > 0
        has_written = figure["what"] != "nothing"
        assert run["rows_written"] > (0 if has_written else -1), figure
    for text in (done.stdout, (tmp_path / "figures.md").read_text()):
        assert all(TITLES[figure["what"]] in text for figure in figures)
    assert (tmp_path / "figures.svg").read_text().startswith("<?xml")
    assert not list(short_folder.iterdir())


def test_what_was_not_run_is_marked() -> None:
    """Prevents a time that nobody measured being shown as one that somebody did, or reckoned by a bad round."""
    report = Report({})
    for rows, seconds in ((20_000, 4.0), (200_000, 20.0)):
        report.add("mysql", "nand", rows, "notebook", Run(seconds, 1, 0, 0.0, 1))
    for what, seconds in (("land", 8.0), ("models", 12.0), ("build", 20.0), ("duckdb", 10.0)):
        report.add("mysql", "nand", 2_000_000, what, Run(seconds, 1234, 0, 0.5, 7))
    report.reckon("mysql", "nand", 2_000_000, "notebook")
    report.add_sums("mysql", "nand", 2_000_000)
    lines = [" ".join(line.split()) for line in report.text("mysql", "nand").splitlines()]
    assert "2,000,000 notebook: pandas, to_sql multi ~200.00 ~20.00 ~1.0" in lines
    assert "2,000,000 land + the two models 20.00 2.00 ~10.0 2,468 0.5 14" in lines
    goals = report.goals()
    assert "mysql, nand: the two models in DuckDB's time 1.20 x (at most 1.5): reached" in goals
    assert "mysql, nand: land + models faster than the notebook 10.00 x (at least 10): reached" in goals
    assert "mysql, nand: at most 0.5 MB spilled (nothing): MISSED" in goals
    assert "mysql, nand: build 20.0 s (at most 32.0 s): reached" in goals


def test_sessions_are_the_same_each_time(tmp_path: Path) -> None:
    """Prevents figures of two runs that cannot be compared, since their files were others."""
    for number, write in enumerate((write_session, write_core)):
        first, again = (write(ROWS, tmp_path / str(number) / folder) for folder in ("a", "b"))
        for one, other in ((first.first, again.first), (first.later, again.later)):
            files = sorted(one.iterdir())
            assert files
            assert [file.name for file in files] == sorted(file.name for file in other.iterdir())
            assert all(file.read_bytes() == (other / file.name).read_bytes() for file in files)


def test_runs_restate_what_they_cut_short(tmp_path: Path) -> None:
    """Prevents runs that never overlap, so that only the easy part would be compared."""
    files = sorted(write_session(ROWS, tmp_path).first.glob("op_state_timeline_*"))
    lines = [file.read_text().splitlines()[1:] for file in files]
    assert sum(map(len, lines)) == ROWS + 64 * (len(files) - 1)
    for before, after in pairwise(lines):
        assert before[-64:-4] == after[:60]
        assert all(old != new for old, new in zip(before[-4:], after[60:64], strict=True))
