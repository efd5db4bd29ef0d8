"""The as-of step alone, each way of it on Spark: on planes alike, and with nine tenths of the segments on one plane."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.landing.servers import ROOT
from benchmarks.spark.lake import Lake, Settings
from benchmarks.spark.memory import DRIVER, watched
from benchmarks.warehouse.warehouse import StepFailed

PYTHON = ROOT / ".venv-spark" / "bin" / "python"
RANGE_JOIN = """
select
    proposals.session_no, proposals.key_die as die, proposals.key_plane as plane, proposals.load_id, proposals.row_no,
    coalesce(segments.segment_no, 0) as segment_no
from proposals
left join segments
    on
        proposals.session_no = segments.session_no
        and proposals.key_die = segments.die
        and proposals.key_plane = segments.plane
        and proposals.propose_tick >= segments.start_tick
        and (proposals.propose_tick < segments.next_start_tick or segments.next_start_tick is null)
"""
SHAPES = {"even": False, "skewed": True}
MARK = "-- next way"
WARM_SHARE, MOST_WARM_ROWS = 10, 100_000  # of the rows, to compile the code before the clock starts


@dataclass(frozen=True)
class Way:
    """A way of the join, and up to which size it runs: those that compare every pair are quadratic."""

    name: str
    title: str
    most_rows: int | None = None


WAYS = (
    Way("buckets", "by bucket of time (Afterstate)"),
    Way("window", "one window over each plane"),
    Way("range", "range join", 100_000),
    Way("own", "Spark 4.2's own, `_joinAsOf`", 5_000),
)


@dataclass(frozen=True)
class Run:
    """What one way took for the join, its rows counted and summed up."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


class AsOf:
    """The ways, with the SQL that the project's macros have for them."""

    def __init__(self, lake: Lake, settings: Settings, folder: Path) -> None:
        """Have dbt spell out the macros."""
        self._settings = settings
        self._folder = folder
        macros = [f"{{{{ {prefix}__as_of('proposals', 'segments') }}}}" for prefix in ("spark", "default")]
        buckets, window = lake.compile(MARK.join(macros)).split(MARK)
        self._sql = {"buckets": buckets, "window": window, "range": RANGE_JOIN, "own": None}
        self._answers: dict[tuple[int, str], object] = {}

    def run(self, way: Way, rows: int, shape: str) -> Run:
        """Run a way once; raise StepFailed when its rows are not those of the ways before it."""
        order = {
            "sql": self._sql[way.name],
            "rows": rows,
            "warm_rows": min(rows // WARM_SHARE, MOST_WARM_ROWS),
            "is_skewed": SHAPES[shape],
            "folder": str(self._folder),
            "master": self._settings.master,
            "memory": self._settings.memory,
            "partitions": self._settings.partitions,
        }
        with watched() as peaks:
            done = subprocess.run(
                [PYTHON, "-m", "benchmarks.spark.contender"],
                input=json.dumps(order),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise StepFailed(f"the as-of join {way.title} failed: {done.stderr.strip()[-3000:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        expected = self._answers.setdefault((rows, shape), said["answer"])
        if said["answer"] != expected:
            raise StepFailed(f"the as-of join {way.title} has other rows: {said['answer']}, expected {expected}")
        return Run(said["seconds"], said["cpu_seconds"], peaks.get(DRIVER, 0.0))
