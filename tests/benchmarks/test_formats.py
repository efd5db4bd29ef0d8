"""The benchmark of the lake's formats, run small: all write the same rows, and it says what became of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.formats import contender, measure
from benchmarks.formats.report import DELTA, ICEBERG, WAYS, Append, Kills, Many, Report
from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.warehouse.warehouse import StepFailed
from tests.bench import ROOT, missing

SEED = "7"


def test_all_ways_write_the_same_rows(tmp_path: Path) -> None:
    """Prevents a ratio of two ways that did not do the same work, and figures that no page shows."""
    if not OTHERS_PYTHON.exists():
        missing("`script/benchmark-environment` makes what this compares")
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("before\n<!-- benchmark-formats: begin -->\nlast figures\n<!-- benchmark-formats: end -->\nafter\n")
    sizes = ["--rows", "2000", "--processes", "2", "--loads", "2", "--kills", "1", "--rounds", "1", "--seed"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.formats", *sizes, SEED, "--docs", page, "--json", figures],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # it ends with an error where rows differ
    found = json.loads(figures.read_text())
    assert {one["way"] for one in found["appends"]} == set(WAYS)
    assert [(one["way"], one["processes"]) for one in found["many"]] == [(DELTA, 2), (ICEBERG, 2)]
    assert [one["count"] for one in found["kills"]] == [1, 1]
    for one in found["appends"]:
        assert 0 < one["seconds"] < one["process_seconds"]
        assert one["megabytes"] > 0
        assert one["peak_megabytes"] > 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "last figures" not in text
    for said in (done.stdout, text):
        assert f"seed {SEED}" in said
        assert all(title in said for title in WAYS.values())


def test_rows_that_are_lost_or_doubled_end_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prevents a library that loses a load, or commits it twice, from being called fast."""
    written = {"rows": {"1": 100, "2": 100}, "checksum": 12}
    monkeypatch.setattr(measure, "_run", lambda _order: {"answer": written})
    benchmark = measure.Benchmark(Namespace(), Report({}), tmp_path)
    benchmark._require(ICEBERG, written, 100, 2)
    for rows, checksum in (({"1": 100}, 12), ({"1": 100, "2": 200}, 12), ({"1": 100, "2": 100}, 13)):
        with pytest.raises(StepFailed, match="pyiceberg"):
            benchmark._require(ICEBERG, {"rows": rows, "checksum": checksum}, 100, 2)


def test_a_killed_append_that_left_some_of_its_rows_ends_the_run(tmp_path: Path) -> None:
    """Prevents a table that shows half a load from being called transactional."""
    benchmark = measure.Benchmark(Namespace(seed=SEED), Report({}), tmp_path)
    whole = {"1": 100, "3": 100}
    benchmark._require_whole(DELTA, {"rows": whole, "landed": [3]}, 100, 3)
    for rows, landed in ((whole | {"2": 50}, [3]), (whole | {"2": 200}, [3]), (whole, [2, 3]), ({"1": 100}, [1])):
        with pytest.raises(StepFailed, match=f"delta-rs: .* seed {SEED}"):
            benchmark._require_whole(DELTA, {"rows": rows, "landed": landed}, 100, 3)


def test_a_refused_commit_is_counted_and_done_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prevents a conflict that costs a library its load, or that is missing in the figures."""
    committed: list[int] = []
    refusals = iter([True, False, True, True, False])

    class Refusing:
        conflicts = (ConnectionError,)
        own_retries = None

        def __init__(self, _folder: str) -> None: ...

        def append(self, _name: str, rows: pa.RecordBatchReader) -> None:
            if next(refusals):
                raise ConnectionError
            committed.append(rows.read_all().num_rows)

    monkeypatch.setitem(contender.LAKES, "refusing", Refusing)
    order = contender.Order("commit", "refusing", "nowhere", rows=10, loads=2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(asdict(order))))
    contender.main()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "ready"
    assert json.loads(said[-1])["raised"] == {"ConnectionError": 3}
    assert committed == [10, 10]


def test_conflicts_and_kills_are_said() -> None:
    """Prevents retries from being left out of a comparison, and those that nobody counts from being shown as none."""
    report = Report({})
    for way, seconds in zip(WAYS, (1.0, 3.0, 2.0), strict=True):
        report.appends.append(Append(way, 1_000, seconds, 2 * seconds, 0.5, 1.5, 200.0))
    report.many += [Many(DELTA, 4, 20, 1.0, 0, None), Many(ICEBERG, 4, 20, 5.0, 6, 70)]
    report.kills.append(Kills(ICEBERG, 1_000, 5, 4, 2))
    text = report.markdown()
    assert "| 1,000 | pyiceberg | 3.00 | 6.00 | 0.50 | 1.5 | 200 |" in text
    assert "| 4 | delta-rs | 80 | 1.00 | not told | 0 |" in text
    assert "| 4 | pyiceberg | 80 | 5.00 | 70 | 6 |" in text
    assert "append of 1,000 rows: pyiceberg takes 3.0 x delta-rs's time" in text
    assert "4 processes at once: pyiceberg takes 5.0 x delta-rs's time" in text
    assert "5 appends of 1,000 rows, 4 of them killed; loads there whole: 2, of the others no row" in text
