"""The figures as tables, for the terminal and for Markdown: what each engine takes, where they cross, what it says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from statistics import median

from benchmarks.spark.as_of import SHAPES, WAYS
from benchmarks.spark.as_of import Run as JoinRun
from benchmarks.spark.memory import DRIVER, PYTHON, ROLES, SERVER, Peaks

MARIADB, SPARK = ENGINES = ("MariaDB", "Spark")
STEPS = {
    "land": "land",
    "models": "build the models",
    "land+models": "land + build",
    "land_new": "land one more run of 1 %",
    "models_new": "build one more run of 1 %",
}
WHOLE = "land+models"
MOST_SLOPE = 1.1
PAPER_SEGMENTS, PAPER_CORES = 10**11, 256
OVERHEAD = 1.4  # what a JVM takes beside its heap: code, classes, buffers, stacks


@dataclass(frozen=True)
class Run:
    """What one step took, from the start of its process to its end."""

    seconds: float
    peaks: Peaks


@dataclass
class Figure:
    """A step on one engine at one size."""

    engine: str
    rows: int
    what: str
    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median of the rounds."""
        return median(run.seconds for run in self.runs)

    def peak(self, role: str) -> float | None:
        """Return the most of all rounds; None where no process had that role."""
        return max((run.peaks[role] for run in self.runs if role in run.peaks), default=None)


@dataclass(frozen=True)
class Stored:
    """What the segments and proposals of one size take on disk, landed and built."""

    rows: int
    server_bytes: int
    landed_bytes: int
    built_bytes: int


@dataclass(frozen=True)
class Join:
    """The as-of step alone, by one way."""

    rows: int
    shape: str
    way: str
    run: JoinRun


class Report:
    """All figures of one run of the benchmark."""

    def __init__(self, about: dict[str, object], memory: str) -> None:
        """Keep what is said of the machine and the versions, and the driver's memory as Spark spells it."""
        self.about = about
        self.stored: dict[int, Stored] = {}
        self._memory_megabytes = float(memory[:-1]) * {"m": 2**20, "g": 2**30}[memory[-1]] / 1e6
        self.figures: list[Figure] = []
        self.joins: list[Join] = []

    def add(self, engine: str, rows: int, what: str, run: Run) -> None:
        """Add a round of a step, and with the models' that of landing and building together."""
        figure = self.find(engine, rows, what)
        if figure is None:
            figure = Figure(engine, rows, what)
            self.figures.append(figure)
        figure.runs.append(run)
        land = self.find(engine, rows, "land")
        if what == "models" and land:
            first = land.runs[-1]
            peaks = {role: max(part.get(role, 0.0) for part in (first.peaks, run.peaks)) for role in ROLES}
            whole = Run(first.seconds + run.seconds, {role: peak for role, peak in peaks.items() if peak})
            self.add(engine, rows, WHOLE, whole)

    def add_join(self, rows: int, shape: str, way: str, run: JoinRun) -> None:
        """Add a way of the as-of step."""
        self.joins.append(Join(rows, shape, way, run))

    def find(self, engine: str, rows: int, what: str) -> Figure | None:
        """Return a figure; None when there is none yet."""
        return next((f for f in self.figures if (f.engine, f.rows, f.what) == (engine, rows, what)), None)

    def markdown(self) -> str:
        """Return everything as Markdown."""
        parts = [", ".join(f"{key} {value}" for key, value in self.about.items())]
        if self.figures:
            parts.append(_table(BUILD_COLUMNS, self._build_rows(), left=(1,)))
        if self.joins:
            parts.append(_table(JOIN_COLUMNS, self._join_rows(), left=(1, 2)))
        parts.append("\n".join(f"- {line}" for line in self.findings()))
        return "\n\n".join(part for part in parts if part) + "\n"

    def as_json(self) -> dict[str, object]:
        """Return every measurement."""
        return {
            "about": self.about,
            "titles": {**STEPS, **{way.name: way.title for way in WAYS}},
            "figures": [{**asdict(figure), "seconds": figure.seconds} for figure in self.figures],
            "joins": [asdict(join) for join in self.joins],
            "stored": [asdict(stored) for stored in self.stored.values()],
            "findings": self.findings(),
        }

    def _build_rows(self) -> Iterator[list[str]]:
        for rows in sorted({figure.rows for figure in self.figures}):
            for what, title in STEPS.items():
                mariadb, spark = (self.find(engine, rows, what) for engine in ENGINES)
                if mariadb and spark:
                    seconds = [mariadb.seconds, spark.seconds, spark.seconds / mariadb.seconds]
                    python = max(figure.peak(PYTHON) or 0.0 for figure in (mariadb, spark))
                    peaks = [mariadb.peak(SERVER), spark.peak(DRIVER), python]
                    cells = [f"{value:,.2f}" for value in seconds] + [f"{peak:,.0f}" if peak else "" for peak in peaks]
                    yield [f"{rows:,}", title, *cells]

    def _join_rows(self) -> Iterator[list[str]]:
        order = [(shape, way.name) for shape in SHAPES for way in WAYS]
        titles = {way.name: way.title for way in WAYS}
        for join in sorted(self.joins, key=lambda join: (join.rows, order.index((join.shape, join.way)))):
            run = join.run
            cells = [f"{run.seconds:,.2f}", f"{run.cpu_seconds:,.2f}", f"{run.peak_megabytes:,.0f}"]
            yield [f"{join.rows:,}", join.shape, titles[join.way], *cells]

    def findings(self) -> list[str]:
        """Return the lines on slopes, crossing and memory."""
        said = []
        for engine in ENGINES:
            points = self._points(engine)
            steps = [f"{slope:.2f} from {small:,} to {large:,}" for small, large, slope in _slopes(points)]
            if steps:
                whole = _slope(points[0], points[-1])
                said.append(
                    f"{engine}: log-log slope of land + build {whole:.2f} ({', '.join(steps)}; at most {MOST_SLOPE}): "
                    + _verdict(whole <= MOST_SLOPE)
                )
        said += self._crossing()
        peak = max((figure.peak(DRIVER) or 0.0 for figure in self.figures), default=0.0)
        if peak:
            most = self._memory_megabytes * OVERHEAD
            fact = f"the driver took {peak:,.0f} MB at most, with a heap of {self._memory_megabytes:,.0f} MB"
            said.append(f"{fact} (heap and overhead, {most:,.0f} MB): {_verdict(peak <= most)}")
        return said + self._on_paper()

    def _on_paper(self) -> list[str]:
        """Return the estimate for 10^11 segments, from the largest size measured (assumptions: docs/scale.md)."""
        points, cores = self._points(SPARK), self.about["cores"]
        if not points or not isinstance(cores, int):
            return []
        rows, seconds = points[-1]
        a_second = rows / seconds / cores
        hours = PAPER_SEGMENTS / a_second / 3600
        said = (
            f"on paper, {PAPER_SEGMENTS:.0e} segments at {a_second:,.0f} segments a second and core, as {rows:,} here"
        )
        lines = [f"{said}: {hours:,.0f} core hours, {hours / PAPER_CORES:,.1f} hours with {PAPER_CORES} cores"]
        if stored := self.stored.get(rows):
            sizes = {
                "on the server": stored.server_bytes,
                "landed in the lake": stored.landed_bytes,
                "built there": stored.built_bytes,
            }
            each = ", ".join(f"{size / rows:,.0f} bytes {where}" for where, size in sizes.items())
            lake = (stored.landed_bytes + stored.built_bytes) / rows * PAPER_SEGMENTS / 1e12
            lines.append(f"a segment and its share of the proposals takes {each}; {lake:,.1f} TB in the lake on paper")
        return lines

    def _crossing(self) -> list[str]:
        """Return the size from which Spark takes less time, by straight lines in the log-log picture."""
        pairs = list(zip(self._points(MARIADB), self._points(SPARK), strict=True))
        ratios = [(rows, spark / mariadb) for (rows, mariadb), (_, spark) in pairs]
        for (small, before), (large, after) in pairwise(ratios):
            if before > 1 >= after:
                share = math.log(before) / math.log(before / after)
                rows = small * (large / small) ** share
                return [f"land + build: Spark takes less time from {rows:,.0f} segments on"]
        if not ratios:
            return []
        rows, ratio = ratios[-1]
        if ratio <= 1:
            return [f"land + build: Spark takes less time at every size from {ratios[0][0]:,} segments on"]
        said = f"land + build: no crossing up to {rows:,} segments, where Spark takes {ratio:.2f} x MariaDB's time"
        falling = -_slope(ratios[-2], ratios[-1]) if len(ratios) > 1 else 0.0
        if falling > 0:
            from_rows = float(f"{rows * ratio ** (1 / falling):.1e}")  # two digits: nothing was measured there
            said += f"; from {from_rows:,.0f} on it would take less, if both went on as in the last step"
        return [said]

    def _points(self, engine: str) -> list[tuple[int, float]]:
        return sorted((f.rows, f.seconds) for f in self.figures if (f.engine, f.what) == (engine, WHOLE))


BUILD_COLUMNS = (
    "segments", "", "MariaDB, s", "Spark, s", "Spark / MariaDB", "server, MB", "driver, MB", "Python, MB",
)  # fmt: skip
JOIN_COLUMNS = ("segments", "planes", "the as-of step alone", "s", "CPU, s", "driver, MB")


def _slopes(points: list[tuple[int, float]]) -> list[tuple[int, int, float]]:
    return [(small[0], large[0], _slope(small, large)) for small, large in pairwise(points)]


def _slope(small: tuple[int, float], large: tuple[int, float]) -> float:
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def _table(columns: tuple[str, ...], rows: Iterator[list[str]], left: tuple[int, ...]) -> str:
    marks = ["---" if at in left else "---:" for at in range(len(columns))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, marks, *rows])


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
