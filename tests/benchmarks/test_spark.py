"""What the Spark benchmark says of its figures, and that its ways of the as-of join find the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.spark.as_of import PYTHON, RANGE_JOIN
from benchmarks.spark.memory import DRIVER
from benchmarks.spark.report import MARIADB, SPARK, Report, Run
from tests.bench import ROOT, missing


def report_of(**seconds: dict[int, float]) -> Report:
    """Return a report of building alone; landing takes no time."""
    report = Report({"cores": 2}, "2g")
    for engine in (MARIADB, SPARK):
        for rows, taken in seconds[engine].items():
            report.add(engine, rows, "land", Run(0.0, {}))
            report.add(engine, rows, "models", Run(taken, {DRIVER: 2500.0}))
    return report


def test_a_crossing_lies_between_two_sizes() -> None:
    """Prevents a size from which on to move that no figure stands for."""
    report = report_of(MariaDB={100: 1.0, 10_000: 100.0}, Spark={100: 10.0, 10_000: 10.0})
    assert "land + build: Spark takes less time from 1,000 segments on" in report.findings()


def test_without_a_crossing_the_last_ratio_is_said() -> None:
    """Prevents a recommendation to move where Spark is slower at every size."""
    report = report_of(MariaDB={100: 1.0, 10_000: 10.0}, Spark={100: 2.0, 10_000: 20.0})
    assert (
        "land + build: no crossing up to 10,000 segments, where Spark takes 2.00 x MariaDB's time" in report.findings()
    )


def test_a_crossing_beyond_the_last_size_is_called_an_estimate() -> None:
    """Prevents a size that was not measured from being read as one that was."""
    report = report_of(MariaDB={100: 1.0, 10_000: 10.0}, Spark={100: 10.0, 10_000: 20.0})
    (said,) = (line for line in report.findings() if "crossing" in line)
    assert said.endswith("; from 73,000 on it would take less, if both went on as in the last step")


def test_a_steep_slope_is_missed() -> None:
    """Prevents a build that is quadratic from being called linear."""
    said = report_of(MariaDB={100: 1.0, 10_000: 100.0}, Spark={100: 1.0, 10_000: 10_000.0}).findings()
    assert [line.rpartition(": ")[2] for line in said[:2]] == ["reached", "MISSED"]


def test_memory_is_judged_by_the_heap_and_what_java_takes_beside_it() -> None:
    """Prevents a driver that outgrows what it was given from being called small."""
    (memory,) = (line for line in report_of(MariaDB={100: 1.0}, Spark={100: 1.0}).findings() if "heap" in line)
    assert memory.endswith("reached")


def test_reckoned_segments_have_their_numbers_and_neighbours(tmp_path: Path) -> None:
    """Prevents a comparison on segments whose numbers or neighbours are wrong, on which all ways would agree."""
    if not PYTHON.exists():
        missing("there is no environment for Spark; `./script/setup --spark` makes it")
    counted = """
    select
        proposals.session_no, proposals.key_die as die, proposals.key_plane as plane, load_id, row_no,
        count(segments.die) as segment_no
    from proposals
    left join segments on proposals.key_die = segments.die and proposals.propose_tick >= segments.start_tick
    group by all
    """
    answers = []
    for sql in (RANGE_JOIN, counted):
        order = {"sql": sql, "warm_rows": 100, "rows": 2_000, "is_skewed": True, "folder": str(tmp_path)}
        order |= {"master": "local[1]", "memory": "1g", "partitions": 1}
        done = subprocess.run(
            [PYTHON, "-m", "benchmarks.spark.contender"],
            input=json.dumps(order),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout.splitlines()[-1])["answer"])
    assert answers[0] == answers[1]
