"""The figures as tables, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import median

DELTA, ICEBERG, STREAM = "delta", "iceberg", "iceberg_stream"
WAYS = {DELTA: "delta-rs", ICEBERG: "pyiceberg", STREAM: "pyiceberg, no partitions"}
APPEND_COLUMNS = ("rows", "", "append, s", "whole process, s", "read, s", "on disk, MB", "memory, MB")
MANY_COLUMNS = ("processes", "", "loads", "s", "again by itself", "given up and begun again")


@dataclass(frozen=True)
class Append:
    """One load in one commit, and its row of the manifest in another; the process begins with its imports."""

    way: str
    rows: int
    seconds: float
    process_seconds: float
    read_seconds: float
    megabytes: float
    peak_megabytes: float


@dataclass(frozen=True)
class Many:
    """Processes that commit to one table at once; `own_retries` is None where the library does not tell."""

    way: str
    processes: int
    loads: int  # of each
    seconds: float
    raised: int
    own_retries: int | None


@dataclass(frozen=True)
class Kills:
    """Appends that were killed: some had ended before, the rows of some were committed already."""

    way: str
    rows: int
    count: int
    killed: int
    landed: int


@dataclass
class Report:
    """All figures of one run of the benchmark."""

    about: dict[str, object]
    appends: list[Append] = field(default_factory=list)
    many: list[Many] = field(default_factory=list)
    kills: list[Kills] = field(default_factory=list)

    def markdown(self) -> str:
        """Return everything as Markdown."""
        parts = [", ".join(f"{key} {value}" for key, value in self.about.items())]
        for columns, rows in ((APPEND_COLUMNS, self._append_rows()), (MANY_COLUMNS, self._many_rows())):
            parts.append(_table(columns, rows))
        parts.append("\n".join(f"- {line}" for line in self.findings()))
        return "\n\n".join(part for part in parts if part) + "\n"

    def as_json(self) -> dict[str, object]:
        """Return every measurement."""
        return {**asdict(self), "titles": WAYS, "findings": self.findings()}

    def findings(self) -> list[str]:
        """Return how much longer pyiceberg takes, and what became of the killed."""
        said = []
        for rows in sorted({one.rows for one in self.appends}):
            ratio = self._median(ICEBERG, rows, "seconds") / self._median(DELTA, rows, "seconds")
            said.append(f"append of {rows:,} rows: pyiceberg takes {ratio:.1f} x delta-rs's time")
        for processes in sorted({one.processes for one in self.many}):
            seconds = {one.way: one.seconds for one in self.many if one.processes == processes}
            ratio = seconds[ICEBERG] / seconds[DELTA]
            said.append(f"{processes} processes at once: pyiceberg takes {ratio:.1f} x delta-rs's time")
        for one in self.kills:
            fact = f"{one.count} appends of {one.rows:,} rows, {one.killed} of them killed"
            said.append(f"{WAYS[one.way]}: {fact}; loads there whole: {one.landed}, of the others no row")
        return said

    def _median(self, way: str, rows: int, what: str) -> float:
        return median(getattr(one, what) for one in self.appends if (one.way, one.rows) == (way, rows))

    def _append_rows(self) -> Iterator[list[str]]:
        for rows in sorted({one.rows for one in self.appends}):
            for way, title in WAYS.items():
                seconds = [self._median(way, rows, what) for what in ("seconds", "process_seconds", "read_seconds")]
                sizes = [self._median(way, rows, what) for what in ("megabytes", "peak_megabytes")]
                cells = [f"{value:,.2f}" for value in seconds] + [f"{sizes[0]:,.1f}", f"{sizes[1]:,.0f}"]
                yield [f"{rows:,}", title, *cells]

    def _many_rows(self) -> Iterator[list[str]]:
        for one in self.many:
            own = "not told" if one.own_retries is None else f"{one.own_retries:,}"
            cells = [f"{one.processes * one.loads:,}", f"{one.seconds:,.2f}", own, f"{one.raised:,}"]
            yield [str(one.processes), WAYS[one.way], *cells]


def _table(columns: tuple[str, ...], rows: Iterator[list[str]]) -> str:
    marks = ["---" if at == 1 else "---:" for at in range(len(columns))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, marks, *rows])
