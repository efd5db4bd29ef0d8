"""The landing benchmark, run small: it compares what really landed, and says what it did not measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.landing.comparison import CONTENDERS, Run
from benchmarks.landing.files import KINDS, PARTS, write_file, write_parts
from benchmarks.landing.report import Figure, Report
from tests.bench import ROOT, Server

ROWS = 300
WAYS = ("ours", "rejects", "parts", "insert", "bare", "keyed")  # those that need no package of their own
# AFTERSTATE_LONG_TESTS=1 lands both kinds on both servers; one each shows that both kinds and both servers work.
KINDS_ON = {"mariadb": ["nand"], "mysql": ["core"]}
if os.environ.get("AFTERSTATE_LONG_TESTS"):
    KINDS_ON = {"mariadb": list(KINDS), "mysql": list(KINDS)}


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a temporary folder whose path leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


def test_all_contenders_land_the_same_rows(server: Server, tmp_path: Path, short_folder: Path) -> None:
    """Prevents a ratio of two ways that did not do the same work, a missing line, a server that is left behind."""
    kinds = KINDS_ON[server.engine]
    options = {
        "--engines": server.engine,
        "--kinds": ",".join(kinds),
        "--contenders": ",".join(WAYS),
        "--sizes": str(ROWS),
        "--rejects-at": str(ROWS),
        "--repeats": "1",
        "--json": str(tmp_path / "figures.json"),
        "--markdown": str(tmp_path / "figures.md"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.landing", *(part for option in options.items() for part in option)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(short_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert [(f["kind"], f["contender"]) for f in figures] == [(kind, way) for kind in kinds for way in WAYS]
    for figure in figures:
        (run,) = figure["runs"]
        rejects = ROWS // 100 if figure["contender"] == "rejects" else 0
        assert (run["rows_landed"], run["rows_rejected"]) == (ROWS - rejects, rejects)
        assert 0 < run["landing_seconds"] < run["whole_seconds"]
        assert run["peak_megabytes"] > 10
    for kind in kinds:
        assert len({f["checksum"] for f in figures if f["kind"] == kind and f["contender"] != "rejects"}) == 1
    for text in (done.stdout, (tmp_path / "figures.md").read_text()):
        for way in WAYS:
            lines = [line for line in text.splitlines() if f" {CONTENDERS[way].title} " in line]
            assert len(lines) == len(kinds), text
    assert not list(short_folder.iterdir())
    commands = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    assert not [command for command in commands if str(short_folder) in command]


def test_what_was_not_run_is_marked() -> None:
    """Prevents a time that nobody measured being shown as one that somebody did, or reckoned by a bad round."""
    report = Report({})
    for rows, seconds in ((20_000, 4.0), (200_000, 20.0)):
        run = Run(seconds + 1, seconds, 0.5, 0.25, 100, rows, 0)
        report.figures.append(Figure("mysql", "nand", rows, "multi", [run]))
    ours = Run(2.5, 2.0, 1.5, 1.0, 100, 2_000_000, 0)
    report.figures.append(Figure("mysql", "nand", 2_000_000, "ours", [ours]))
    report.reckon("mysql", "nand", 2_000_000, "multi")
    lines = [" ".join(line.split()) for line in report.text("mysql", "nand").splitlines()]
    assert "2,000,000 to_sql multi (notebook) ~201.00 ~200.00 ~10,000 ~1.0" in lines
    assert "2,000,000 afterstate land 2.50 2.00 1,000,000 ~100.0 100 1.50 1.00" in lines
    assert "200,000 to_sql multi (notebook) 21.00 20.00 10,000 1.0 100 0.50 0.25" in lines
    assert any("estimated" in note and "notebook" in note for note in report.notes())
    assert report.goals() == ["mysql, nand: 2M rows 80 x as fast as the notebook's way (at least 40): reached"]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_the_same_each_time(kind: str, tmp_path: Path) -> None:
    """Prevents figures of two runs that cannot be compared, since their files were others, or had other rows."""
    first, again = (write_file(KINDS[kind], 1234, tmp_path / folder) for folder in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()
    broken = write_file(KINDS[kind], 1234, tmp_path / "c", with_rejects=True).read_text().splitlines()
    whole = first.read_text().splitlines()
    assert len(whole) == len(broken) == 1 + 1234
    assert sum(a != b for a, b in zip(whole, broken, strict=True)) == 12
    parts = [part.read_text().splitlines() for part in sorted(write_parts(KINDS[kind], 1234, tmp_path).iterdir())]
    assert [part[0] for part in parts] == whole[:1] * PARTS
    assert [line for part in parts for line in part[1:]] == whole[1:]
