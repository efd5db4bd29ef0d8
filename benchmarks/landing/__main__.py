"""How fast files land beside other ways of loading them: rows a second, memory and CPU, on MariaDB and MySQL.

    script/benchmark-landing                                          everything, more than an hour
    script/benchmark-landing --engines mariadb --kinds nand --sizes 20k,200k --contenders ours,bare

Each server is a private one in a temporary folder, started as `afterstate up` does and removed at the end. Each landing
is a process of its own, into a table just made or emptied, when the server has written everything else to disk. `whole`
is from the start of the process to its commit, `landing` the same without starting Python and importing; `/ bare` is
the ratio to bare LOAD DATA LOCAL at the same size in the same run. CPU is the process's own; the server's is beside it.
Rounds go through the contenders forwards and backwards in turn, and figures are medians of the rounds.

ours         `afterstate land FILE`: told from its header, checked, hashed, with provenance and rejects, exactly once.
rejects      The same over a file of which every hundredth row is broken; the ratio is to the whole file.
parts        The rows of `ours` in a folder of four files, which land side by side; the ratio is to the one file.
insert       The same where the server's `local_infile` is off, as MySQL is installed: landing then goes by INSERT.
bare         One LOAD DATA LOCAL INFILE of the same file, sent by PyMySQL as it is, and a commit. The table has the
             file's columns in the types of ours (columns that Afterstate does not know: VARCHAR(64)), and no key and
             no index. Nothing is checked: LOCAL makes of what does not fit what it likes.
keyed        The same into a copy of our table: primary key, index, and the columns that lead back to the file. The
             server counts rows and makes the JSON of unknown columns; nothing is checked here either.
multi        pandas `read_csv`, then `to_sql(if_exists="append", index=False, method="multi", chunksize=2000)`, as the
             notebook calls it, into bare's table.
executemany  The same with the method that `to_sql` takes by itself.
dlt          Its `sqlalchemy` destination, fed with Arrow tables, handed on as Parquet, into a table that dlt makes: of
             what its documentation offers for MySQL the fastest that installs from the package index (the ADBC driver
             for MySQL, which dlt would take by itself, does not).

The last three are slow, and run up to `--slow-rows` only; at larger sizes they are reckoned at the best rows a second
that they showed, and marked with `~`. After every landing the rows are counted, and in the first round, up to 2M rows,
a checksum over all values is compared with bare's: `(*)` marks who changed some.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from afterstate.errors import AfterstateError
from benchmarks import frame
from benchmarks.landing.comparison import (
    CONTENDERS,
    OTHERS_PYTHON,
    SLOW_ROWS,
    Contender,
    land_once,
    landed_in,
    require_environment,
)
from benchmarks.landing.files import KINDS, Landed, write_file, write_parts
from benchmarks.landing.report import Figure, Report
from benchmarks.landing.servers import ENGINES, Server, running_server

PACKAGES = ("pandas", "dlt", "SQLAlchemy", "PyMySQL", "pyarrow")
LARGE_ROWS = 2_000_000  # files with more rows are landed once, and counted only: a checksum takes as long again


class Benchmark:
    """One run: the files, the servers one after the other, the rounds."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        """Keep what to run, and a folder for the files."""
        self._arguments = arguments
        self._folder = folder
        self._files: dict[tuple[str, int, bool, bool], Path] = {}
        self._contenders = [CONTENDERS[name] for name in arguments.contenders]
        self.report = Report(_about(arguments))

    def run(self) -> None:
        """Measure everything, and print each group when it is done."""
        for engine in self._arguments.engines:
            with running_server(engine) as server:
                self.report.about[engine] = server.version
                for kind in (KINDS[name] for name in self._arguments.kinds):
                    self._warm_up(server, kind)
                    for rows in self._arguments.sizes:
                        self._measure(server, kind, rows)
                    print(self.report.text(engine, kind.name), flush=True)

    def _warm_up(self, server: Server, kind: Landed) -> None:
        """Land once without counting, where figures are to be compared: programs come from the disk only once."""
        rows = min(self._arguments.sizes)
        for contender in self._run_at(rows) if self._arguments.repeats > 1 else ():
            land_once(server, contender, kind, self._file(kind, rows, contender), rows)

    def _measure(self, server: Server, kind: Landed, rows: int) -> None:
        runs_at = self._run_at(rows)
        figures = {one.name: Figure(server.engine, kind.name, rows, one.name) for one in runs_at}
        for number in range(self._arguments.repeats if rows <= LARGE_ROWS else 1):
            for contender in reversed(runs_at) if number % 2 else runs_at:
                _say(f"{server.engine}, {kind.name}, {rows:,} rows, round {number + 1}: {contender.title}")
                file = self._file(kind, rows, contender)
                figure = figures[contender.name]
                figure.runs.append(land_once(server, contender, kind, file, rows))
                if number == 0 and rows <= LARGE_ROWS and not contender.with_rejects:
                    place = landed_in(server, contender, kind)
                    figure.checksum = server.checksum(place, server.known_columns(kind))
        self.report.figures += figures.values()
        for contender in self._contenders:
            if contender.is_slow and contender not in runs_at:
                self.report.reckon(server.engine, kind.name, rows, contender.name)

    def _run_at(self, rows: int) -> list[Contender]:
        """Return who runs at a size."""
        at_rejects = rows in self._arguments.rejects_at
        return [
            contender
            for contender in self._contenders
            if (not contender.is_slow or rows <= self._arguments.slow_rows)
            and (not contender.with_rejects or at_rejects)
        ]

    def _file(self, kind: Landed, rows: int, contender: Contender) -> Path:
        place = (kind.name, rows, contender.with_rejects, contender.in_parts)
        if place not in self._files:
            _say(f"writing {rows:,} rows of {kind.name}")
            folder = self._folder / kind.name
            if contender.in_parts:
                self._files[place] = write_parts(kind, rows, folder)
            else:
                self._files[place] = write_file(kind, rows, folder, with_rejects=contender.with_rejects)
        return self._files[place]


def _about(arguments: argparse.Namespace) -> dict[str, object]:
    titles = {name: contender.title for name, contender in CONTENDERS.items()}
    return {**frame.about(arguments.repeats, OTHERS_PYTHON, PACKAGES), "contenders": titles}


def _say(line: str) -> None:
    """Report progress; not part of the result."""
    print(f"  {line}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = frame.Parser("benchmark-landing", __doc__)
    parser.add_names("--engines", ENGINES)
    parser.add_names("--kinds", tuple(KINDS))
    parser.add_names("--contenders", tuple(CONTENDERS))
    parser.add_sizes("--sizes", "20k,200k,2M,10M")
    parser.add_sizes("--rejects-at", "2M", "rows of `rejects`")
    parser.add_argument("--slow-rows", type=frame.read_rows, default=SLOW_ROWS, help="default %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="rounds up to 2M rows; default %(default)s")
    parser.add_outputs()
    return parser.parse_args()


def main() -> None:
    """Run what was asked for, print it and write it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no server outlives this
    with tempfile.TemporaryDirectory(prefix="afterstate-files-") as folder:
        try:
            require_environment([CONTENDERS[name] for name in arguments.contenders])
            benchmark = Benchmark(arguments, Path(folder))
            benchmark.run()
        except AfterstateError as error:
            sys.exit(f"benchmark-landing: {error}")
        report = benchmark.report
        print("\n".join([*report.notes(), *report.goals()]))
        frame.write("landing", arguments, report, Path(folder))


if __name__ == "__main__":
    main()
