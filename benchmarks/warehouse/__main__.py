"""How fast marts are built beside other ways of making the same tables, on MariaDB and MySQL.

    script/benchmark-warehouse                                       everything, some hours
    script/benchmark-warehouse --server mariadb --sizes 20k --rounds 1 --only nand,duckdb

Each server is a private one in a temporary folder, as `afterstate up` makes it. A session of N segments and N/4
proposals comes in four runs; core files have N rows of each kind, and events. Every step is a process of its own, and
its time is from the start of that process to its end (ours) or its commit (the others). Figures are medians.

land            `afterstate land` of the folder.
models          `dbt run` of `+op_state_spans +proposal_phase_keys`, for the first time.
build           `afterstate build`, tests included: for the first time, with nothing new, with one more run of 1 %.
duckdb          connectorx reads the landed tables, DuckDB's windows and ASOF join, LOAD DATA LOCAL of both results.
pandas          read_csv of the files, merge_asof, to_sql as it inserts by itself (executemany).
notebook        The same with to_sql(method="multi", chunksize=2000).
correlated      Plain SQL: windows over small integers, an index, a correlated look-up for each proposal.
lateral         The same with LATERAL, on MySQL.
core_pandas     read_csv of the core files, merges, to_sql of three marts as it inserts by itself.
core_notebook   The same with to_sql(method="multi", chunksize=2000).

All end with the tables of ours, of the same columns and keys, on the same server: the narrow segments, their
dictionaries and `proposal_phase_keys`; of core the snapshots, what followed them, and the summary. In the first round
every way's rows and a checksum of all values, seen through `op_state_spans`, must be ours; once more when the new run
has been built. The pandas ways write no landed tables, so they are compared with land + build.

The notebook's ways run up to `--slow-rows`, pandas up to 2M; above they are reckoned at the best rows a second that
they showed, and marked with `~`. Plain SQL runs up to 20k: its look-ups are quadratic on both servers, so that nothing
can be reckoned from them. Rows written (inserted or deleted) and queries are what the server counted, spilled bytes
the most that its temporary files had at once (Linux only).
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from afterstate.errors import AfterstateError, UsageError
from benchmarks import frame
from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.landing.servers import ENGINES, running_server
from benchmarks.warehouse.measure import Benchmark
from benchmarks.warehouse.report import Report
from benchmarks.warehouse.ways import FAMILIES

PACKAGES = ("duckdb", "connectorx", "pandas", "SQLAlchemy", "PyMySQL")
WAYS = tuple(way.name for family in FAMILIES.values() for way in family.ways)


def main() -> None:
    """Run what was asked for, print it and write it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no server outlives this
    report = Report(frame.about(arguments.rounds, OTHERS_PYTHON, PACKAGES))
    with tempfile.TemporaryDirectory(prefix="afterstate-files-") as folder:
        try:
            _require_environment(arguments.only)
            for engine in arguments.server:
                with running_server(engine) as server:
                    report.about[engine] = server.version
                    Benchmark(arguments, server, report, Path(folder)).run()
        except AfterstateError as error:
            sys.exit(f"benchmark-warehouse: {error}")
        print("\n".join(report.goals()))
        frame.write("warehouse", arguments, report, Path(folder))


def _require_environment(only: list[str]) -> None:
    """Raise UsageError when the packages of a way are missing."""
    if not OTHERS_PYTHON.exists() and set(only) & set(WAYS):
        raise UsageError(
            "the other ways need packages that are not here",
            "`script/benchmark-warehouse` installs them; or leave them out: `--only nand,core`",
        )


def _arguments() -> argparse.Namespace:
    parser = frame.Parser("benchmark-warehouse", __doc__)
    parser.add_names("--server", ENGINES)
    parser.add_sizes("--sizes", "20k,200k,2M,10M")
    parser.add_argument("--rounds", type=int, default=3, help="up to 2M rows, above once; default %(default)s")
    rows = frame.read_rows
    parser.add_argument("--slow-rows", type=rows, default="200k", help="for the notebook's ways; default %(default)s")
    parser.add_names("--only", (*FAMILIES, *WAYS))
    parser.add_outputs("docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
