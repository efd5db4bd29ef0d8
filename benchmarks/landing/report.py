"""The figures as rows of a table, for the terminal and for Markdown, and whether they reach the goals.

A slow way that was not run at a size stands there all the same, with `~`: reckoned at its best rows a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from statistics import median

from benchmarks.landing.comparison import CONTENDERS, Run

COLUMNS = (
    "rows",
    "",
    "whole, s",
    "/ bare",
    "landing, s",
    "/ bare",
    "rows/s",
    "x notebook",
    "peak, MB",
    "CPU, s",
    "server CPU, s",
)
LEFT = (1,)
MOST_TIMES_BARE, LEAST_TIMES_NOTEBOOK, MOST_MEGABYTES, MOST_GROWTH = 1.25, 40, 400, 1.2
LEAST_BY_INSERT = 40_000  # rows a second


@dataclass
class Figure:
    """A contender on one server, with one kind and size; without runs it is reckoned."""

    engine: str
    kind: str
    rows: int
    contender: str
    runs: list[Run] = field(default_factory=list)
    checksum: int | None = None  # over all values of the first round's rows; None where there is none to compare
    reckoned: Run | None = None

    @property
    def middle(self) -> Run:
        """The median of each of what was measured."""
        if self.reckoned:
            return self.reckoned
        return Run(**{item.name: median(getattr(run, item.name) for run in self.runs) for item in fields(Run)})

    @property
    def rows_per_second(self) -> float:
        """By the landing alone."""
        return self.rows / self.middle.landing_seconds


class Report:
    """All figures of one run of the benchmark."""

    def __init__(self, about: dict[str, object]) -> None:
        """Keep what is said of the machine, the servers and the packages."""
        self.about = about
        self.figures: list[Figure] = []

    def find(self, engine: str, kind: str, rows: int, contender: str) -> Figure | None:
        """Return a figure, None when it was not asked for."""
        place = (engine, kind, rows, contender)
        return next((f for f in self.figures if (f.engine, f.kind, f.rows, f.contender) == place), None)

    def reckon(self, engine: str, kind: str, rows: int, contender: str) -> Figure | None:
        """Add what a contender would take at a size that it was not run at, by the best that it showed here."""
        shown = [f for f in self.figures if (f.engine, f.kind, f.contender) == (engine, kind, contender) and f.runs]
        if not shown:
            return None
        best = max(shown, key=lambda figure: figure.rows_per_second)
        times = rows / best.rows
        run = best.middle
        imports = run.whole_seconds - run.landing_seconds
        landing = run.landing_seconds * times
        reckoned = replace(run, whole_seconds=landing + imports, landing_seconds=landing)
        figure = Figure(engine, kind, rows, contender, reckoned=reckoned)
        self.figures.append(figure)
        return figure

    def changed_values(self, figure: Figure) -> bool:
        """Return whether its rows hold other values than LOAD DATA LOCAL made of the same file."""
        bare = self.find(figure.engine, figure.kind, figure.rows, "bare")
        return bool(bare and figure.checksum and figure.checksum != bare.checksum)

    def groups(self) -> Iterable[tuple[str, str]]:
        """Return each (engine, kind) once, in the order they were run in."""
        return dict.fromkeys((figure.engine, figure.kind) for figure in self.figures)

    def table(self, engine: str, kind: str) -> list[list[str]]:
        """Return the cells of a group's table, without its head."""
        own = [figure for figure in self.figures if (figure.engine, figure.kind) == (engine, kind)]
        order = list(CONTENDERS)
        return [self._cells(figure) for figure in sorted(own, key=lambda f: (f.rows, order.index(f.contender)))]

    def _cells(self, figure: Figure) -> list[str]:
        bare = self.find(figure.engine, figure.kind, figure.rows, "bare")
        notebook = self.find(figure.engine, figure.kind, figure.rows, "multi")
        run, about = figure.middle, "~" * bool(figure.reckoned)
        guess = about or "~" * bool(notebook and notebook.reckoned)
        cells = [
            f"{run.whole_seconds:.2f}",
            f"{run.whole_seconds / bare.middle.whole_seconds:.2f}" if bare else "",
            f"{run.landing_seconds:.2f}",
            f"{run.landing_seconds / bare.middle.landing_seconds:.2f}" if bare else "",
            f"{figure.rows_per_second:,.0f}",
        ]
        times = f"{guess}{notebook.middle.landing_seconds / run.landing_seconds:.1f}" if notebook else ""
        used = [f"{run.peak_megabytes:,.0f}", f"{run.cpu_seconds:.2f}", f"{run.server_cpu_seconds:.2f}"]
        used = ["", "", ""] if figure.reckoned else used
        title = CONTENDERS[figure.contender].title + " (*)" * self.changed_values(figure)
        return [f"{figure.rows:,}", title, *(about + cell if cell else "" for cell in cells), times, *used]

    def goals(self) -> list[str]:
        """Report for each goal whether it was reached, where its sizes were run."""
        said = []
        for engine, kind in self.groups():
            name = f"{engine}, {kind}"
            ours, bare, notebook = (self.find(engine, kind, 2_000_000, way) for way in ("ours", "bare", "multi"))
            if ours and bare:
                whole, landing = (
                    getattr(ours.middle, part) / getattr(bare.middle, part)
                    for part in ("whole_seconds", "landing_seconds")
                )
                said.append(
                    f"{name}: 2M rows in {whole:.2f} x the time of bare LOAD DATA LOCAL, landing alone {landing:.2f} x "
                    f"(at most {MOST_TIMES_BARE}): {_verdict(max(whole, landing) <= MOST_TIMES_BARE)}"
                )
            if ours and notebook:
                times = notebook.middle.whole_seconds / ours.middle.whole_seconds
                parts = self.find(engine, kind, 2_000_000, "parts")
                in_parts = notebook.middle.whole_seconds / parts.middle.whole_seconds if parts else None
                said.append(
                    f"{name}: 2M rows {times:.0f} x as fast as the notebook's way"
                    + (f", {in_parts:.0f} x in several files" if in_parts else "")
                    + f" (at least {LEAST_TIMES_NOTEBOOK}): {_verdict(times >= LEAST_TIMES_NOTEBOOK)}"
                )
            by_insert = [f for f in self.figures if (f.engine, f.kind, f.contender) == (engine, kind, "insert")]
            if by_insert and kind == "nand":
                slowest = min(figure.rows / figure.middle.landing_seconds for figure in by_insert)
                said.append(
                    f"{name}: by INSERT, {slowest:,.0f} rows/s at its slowest (at least {LEAST_BY_INSERT:,}): "
                    f"{_verdict(slowest >= LEAST_BY_INSERT)}"
                )
            small, large = (self.find(engine, kind, rows, "ours") for rows in (200_000, 10_000_000))
            if small and large:
                peaks = [figure.middle.peak_megabytes for figure in (small, large)]
                reached = peaks[1] <= peaks[0] * MOST_GROWTH and peaks[1] < MOST_MEGABYTES
                said.append(
                    f"{name}: 10M rows take {peaks[1]:.0f} MB, 200k rows {peaks[0]:.0f} MB "
                    f"(at most {MOST_GROWTH} x, below {MOST_MEGABYTES} MB): {_verdict(reached)}"
                )
        return said

    def notes(self) -> list[str]:
        """Return what the signs in the table mean, where they are used."""
        said = []
        reckoned = list(dict.fromkeys(CONTENDERS[f.contender].title for f in self.figures if f.reckoned))
        if reckoned:
            said.append(f"~ not run at this size, estimated from its best rows per second here: {', '.join(reckoned)}")
        if any(map(self.changed_values, self.figures)):
            said.append("(*) some values are not those that LOAD DATA LOCAL made of the same file")
        return said

    def text(self, engine: str, kind: str) -> str:
        """Return a group as the terminal shows it."""
        rows = [list(COLUMNS), *self.table(engine, kind)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(_fill(cell, at, widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]
        return "\n".join([f"{engine}, {kind}", *lines, ""])

    def markdown(self) -> str:
        """Return everything as Markdown."""
        parts = [", ".join(f"{key} {value}" for key, value in self.about.items() if not isinstance(value, dict))]
        for engine, kind in self.groups():
            marks = ("---" if at in LEFT else "---:" for at in range(len(COLUMNS)))
            rows = [COLUMNS, tuple(marks), *self.table(engine, kind)]
            table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            parts.append(f"**{engine}, {kind}**\n\n{table}")
        lists = ("\n".join(f"- {line}" for line in lines) for lines in (self.notes(), self.goals()) if lines)
        return "\n\n".join([*parts, *lists]) + "\n"

    def as_json(self) -> dict[str, object]:
        """Return every measurement, and the medians."""
        return {
            "about": self.about,
            "figures": [
                {**asdict(figure), "median": asdict(figure.middle), "rows_per_second": figure.rows_per_second}
                for figure in self.figures
            ],
            "goals": self.goals(),
        }


def _fill(cell: str, at: int, width: int) -> str:
    return cell.ljust(width) if at in LEFT else cell.rjust(width)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
