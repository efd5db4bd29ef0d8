"""The figures as tables, for the terminal and for Markdown, and whether they reach the goals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from statistics import median

from benchmarks.warehouse.warehouse import Run
from benchmarks.warehouse.ways import FAMILIES

COLUMNS = ("rows", "", "s", "/ other", "x notebook", "rows written", "spilled, MB", "queries")
LEFT = (1,)
OURS = {
    "land": "afterstate land",
    "models": "dbt run, the two models",
    "land+models": "land + the two models",
    "build": "afterstate build",
    "land+build": "land + build",
    "nothing": "build, nothing new",
    "land_new": "land one more run of 1 %",
    "new": "build, one more run of 1 %",
}
SUMS = {"land+models": ("land", "models"), "land+build": ("land", "build")}
# For each family the way that ours is divided by, and the notebook's.
BESIDE = {"nand": ("duckdb", "notebook"), "core": ("core_pandas", "core_notebook")}
GOAL_ROWS, LARGE_ROWS, NOTHING_SECONDS, MOST_SLOPE = 2_000_000, 10_000_000, 8, 1.1
TITLES = {**OURS, **{way.name: way.title for family in FAMILIES.values() for way in family.ways}}


@dataclass
class Figure:
    """A step or a way on one server, with one family and size; `is_reckoned` where it was not run."""

    engine: str
    family: str
    rows: int
    what: str
    runs: list[Run] = field(default_factory=list)
    is_reckoned: bool = False

    @property
    def seconds(self) -> float:
        """The median of the rounds."""
        return median(run.seconds for run in self.runs)

    @property
    def typical(self) -> Run:
        """The round in the middle, with what it counted."""
        return sorted(self.runs, key=lambda run: run.seconds)[len(self.runs) // 2]


class Report:
    """All figures of one run of the benchmark."""

    def __init__(self, about: dict[str, object]) -> None:
        """Keep what is said of the machine, the servers and the packages."""
        self.about = about
        self.figures: list[Figure] = []

    def find(self, engine: str, family: str, rows: int, what: str) -> Figure | None:
        """Return a figure; None when it was not asked for."""
        place = (engine, family, rows, what)
        return next((f for f in self.figures if (f.engine, f.family, f.rows, f.what) == place), None)

    def add(self, engine: str, family: str, rows: int, what: str, run: Run) -> None:
        """Add a round."""
        figure = self.find(engine, family, rows, what)
        if figure is None:
            figure = Figure(engine, family, rows, what)
            self.figures.append(figure)
        figure.runs.append(run)

    def add_sums(self, engine: str, family: str, rows: int) -> None:
        """Add what two of our steps take together, round by round."""
        for name, parts in SUMS.items():
            figures = [figure for part in parts if (figure := self.find(engine, family, rows, part))]
            for pair in zip(*(figure.runs for figure in figures), strict=True) if len(figures) == len(parts) else ():
                self.add(engine, family, rows, name, _sum(*pair))

    def reckon(self, engine: str, family: str, rows: int, what: str) -> None:
        """Add what a way would take at a size at which it was not run, by the best rows a second that it showed."""
        shown = [
            f for f in self.figures if (f.engine, f.family, f.what) == (engine, family, what) and not f.is_reckoned
        ]
        if shown:
            best = min(shown, key=lambda figure: figure.seconds / figure.rows)
            run = replace(best.typical, seconds=best.seconds / best.rows * rows)
            self.figures.append(Figure(engine, family, rows, what, [run], is_reckoned=True))

    def groups(self) -> list[tuple[str, str]]:
        """Return each (engine, family) once, in the order they were run in."""
        return list(dict.fromkeys((figure.engine, figure.family) for figure in self.figures))

    def table(self, engine: str, family: str) -> list[list[str]]:
        """Return the cells of a group's table, without its head."""
        own = [figure for figure in self.figures if (figure.engine, figure.family) == (engine, family)]
        order = list(TITLES)
        return [self._cells(figure) for figure in sorted(own, key=lambda f: (f.rows, order.index(f.what)))]

    def _cells(self, figure: Figure) -> list[str]:
        other, notebook = (self.find(figure.engine, figure.family, figure.rows, way) for way in BESIDE[figure.family])
        about, run = "~" * figure.is_reckoned, figure.typical
        guess = about or "~" * bool(notebook and notebook.is_reckoned)
        cells = [
            f"{about}{figure.seconds:.2f}",
            f"{about}{figure.seconds / other.seconds:.2f}" if other else "",
            f"{guess}{notebook.seconds / figure.seconds:.1f}" if notebook else "",
        ]
        spilled = "" if run.spilled_megabytes is None else f"{run.spilled_megabytes:,.1f}"
        counts = [f"{run.rows_written:,}", spilled, f"{run.queries:,}"]
        return [f"{figure.rows:,}", TITLES[figure.what], *cells, *([""] * 3 if figure.is_reckoned else counts)]

    def text(self, engine: str, family: str) -> str:
        """Return a group as the terminal shows it."""
        rows = [list(COLUMNS), *self.table(engine, family)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(_fill(cell, at, widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]
        return "\n".join([f"{engine}, {family}", *lines, ""])

    def markdown(self) -> str:
        """Return everything as Markdown."""
        parts = [", ".join(f"{key} {value}" for key, value in self.about.items())]
        for engine, family in self.groups():
            marks = ("---" if at in LEFT else "---:" for at in range(len(COLUMNS)))
            rows = [COLUMNS, tuple(marks), *self.table(engine, family)]
            table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            parts.append(f"**{engine}, {family}**\n\n{table}")
        goals = "\n".join(f"- {line}" for line in self.goals())
        return "\n\n".join([*parts, *([goals] if goals else [])]) + "\n"

    def as_json(self) -> dict[str, object]:
        """Return every measurement."""
        figures = [{**asdict(figure), "seconds": figure.seconds} for figure in self.figures]
        return {"about": self.about, "titles": TITLES, "figures": figures, "goals": self.goals()}

    def goals(self) -> list[str]:
        """Judge each goal of the issue whether it was reached, where its sizes were run."""
        said = []
        for engine, family in self.groups():
            at = {
                f.what: f.seconds for f in self.figures if (f.engine, f.family, f.rows) == (engine, family, GOAL_ROWS)
            }
            goals = _nand_goals(at) if family == "nand" else _core_goals(at)
            goals += self._other_goals(engine, family)
            slope = self._slope(engine, family)
            if slope is not None:
                goals.append(
                    (f"log-log slope of land + build {slope:.2f}", f"at most {MOST_SLOPE}", slope <= MOST_SLOPE)
                )
            said += [f"{engine}, {family}: {fact} ({goal}): {_verdict(holds)}" for fact, goal, holds in goals]
        return said

    def _other_goals(self, engine: str, family: str) -> list[Goal]:
        """Judge what is spilled at 2M rows, and core at 10M beside the notebook's way."""
        goals: list[Goal] = []
        own = [self.find(engine, family, GOAL_ROWS, what) for what in OURS]
        runs = [run for figure in own if figure for run in figure.runs if run.spilled_megabytes is not None]
        if runs:
            most = max(run.spilled_megabytes or 0 for run in runs)
            # MariaDB begins a temporary table's file with 8 kB, whether or not rows follow
            goals.append((f"at most {most:.1f} MB spilled", "nothing", most < 0.05))
        ours, notebook = (self.find(engine, family, LARGE_ROWS, what) for what in ("land+build", "core_notebook"))
        if ours and notebook:
            times = notebook.seconds / ours.seconds
            goals.append((f"10M rows, land + build faster than the notebook {times:.1f} x", "at least 10", times >= 10))
        return goals

    def _slope(self, engine: str, family: str) -> float | None:
        own = [f for f in self.figures if (f.engine, f.family, f.what) == (engine, family, "land+build")]
        if len(own) < 2:
            return None
        small, large = min(own, key=lambda f: f.rows), max(own, key=lambda f: f.rows)
        return math.log(large.seconds / small.seconds) / math.log(large.rows / small.rows)


Goal = tuple[str, str, bool]


def _nand_goals(at: dict[str, float]) -> list[Goal]:
    goals: list[Goal] = []

    def ratio(name: str, over: str, under: str, holds: Callable[[float], bool], goal: str) -> None:
        if over in at and under in at:
            times = at[over] / at[under]
            goals.append((f"{name} {times:.2f} x", goal, holds(times)))

    ratio("the two models in DuckDB's time", "models", "duckdb", lambda x: x <= 1.5, "at most 1.5")
    ratio("land + models faster than the notebook", "notebook", "land+models", lambda x: x >= 10, "at least 10")
    ratio("land + models faster than pandas", "pandas", "land+models", lambda x: x >= 3, "at least 3")
    if {"build", "models"} <= at.keys():
        most = 2 * at["models"] + 8
        goals.append((f"build {at['build']:.1f} s", f"at most {most:.1f} s", at["build"] <= most))
    if "nothing" in at:
        goals.append(
            (f"nothing new {at['nothing']:.1f} s", f"at most {NOTHING_SECONDS} s", at["nothing"] <= NOTHING_SECONDS)
        )
    if {"new", "build"} <= at.keys():
        most = 8 + at["build"] / 10
        goals.append((f"one more run {at['new']:.1f} s", f"at most {most:.1f} s", at["new"] <= most))
    return goals


def _core_goals(at: dict[str, float]) -> list[Goal]:
    most = {"build": 20, "nothing": NOTHING_SECONDS, "new": 10}
    return [
        (f"{OURS[what]} {at[what]:.1f} s", f"at most {limit} s", at[what] <= limit)
        for what, limit in most.items()
        if what in at
    ]


def _sum(first: Run, second: Run) -> Run:
    spilled = [run.spilled_megabytes for run in (first, second) if run.spilled_megabytes is not None]
    return Run(
        first.seconds + second.seconds,
        first.rows_written + second.rows_written,
        first.spills + second.spills,
        max(spilled, default=None),
        first.queries + second.queries,
    )


def _fill(cell: str, at: int, width: int) -> str:
    return cell.ljust(width) if at in LEFT else cell.rjust(width)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
