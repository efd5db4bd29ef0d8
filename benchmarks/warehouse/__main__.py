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
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from afterstate.errors import AfterstateError, UsageError
from afterstate.server.config import memory_bytes
from benchmarks.landing.__main__ import _names, _rows, _sizes
from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.landing.servers import ENGINES, ROOT, running_server
from benchmarks.pasting import paste
from benchmarks.warehouse.measure import Benchmark
from benchmarks.warehouse.report import Report
from benchmarks.warehouse.ways import FAMILIES

PACKAGES = ("duckdb", "connectorx", "pandas", "SQLAlchemy", "PyMySQL")
WAYS = tuple(way.name for family in FAMILIES.values() for way in family.ways)


def main() -> None:
    """Run what was asked for, print it and write it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no server outlives this
    report = Report(_about(arguments.rounds))
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
        _write(arguments, report, Path(folder))


def _write(arguments: argparse.Namespace, report: Report, folder: Path) -> None:
    figures: Path = arguments.json or folder / "figures.json"
    figures.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(report.markdown(), encoding="utf-8")
    if arguments.docs:
        paste(arguments.docs, "benchmark-warehouse", report.markdown())
    if arguments.out:
        draw = [OTHERS_PYTHON, "-m", "benchmarks.warehouse.picture", figures.resolve(), arguments.out.resolve()]
        subprocess.run(draw, cwd=ROOT, check=True)


def _require_environment(only: list[str]) -> None:
    """Raise UsageError when the packages of a way are missing."""
    if not OTHERS_PYTHON.exists() and set(only) & set(WAYS):
        raise UsageError(
            "the other ways need packages that are not here",
            "`script/benchmark-warehouse` installs them; or leave them out: `--only nand,core`",
        )


def _about(rounds: int) -> dict[str, object]:
    about: dict[str, object] = {
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory, GiB": round(memory_bytes() / 2**30),
        "rounds": rounds,
        "Python": platform.python_version(),
    }
    if OTHERS_PYTHON.exists():
        (site,) = (OTHERS_PYTHON.parents[1] / "lib").glob("python*/site-packages")
        found = {one.name.lower(): one.version for one in importlib.metadata.distributions(path=[str(site)])}
        about |= {name: found.get(name.lower(), "missing") for name in PACKAGES}
    return about


def _arguments() -> argparse.Namespace:
    description, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="script/benchmark-warehouse",
        description=description,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = (*FAMILIES, *WAYS)
    servers = partial(_names, known=ENGINES)
    parser.add_argument("--server", type=servers, default=list(ENGINES), help=f"some of {','.join(ENGINES)}")
    parser.add_argument("--sizes", type=_sizes, default="20k,200k,2M,10M", help="rows; default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="up to 2M rows, above once; default %(default)s")
    parser.add_argument("--slow-rows", type=_rows, default="200k", help="for the notebook's ways; default %(default)s")
    only = partial(_names, known=names)
    parser.add_argument("--only", type=only, default=list(names), help=f"some of {','.join(names)}; default all")
    parser.add_argument("--json", type=Path, help="write every measurement here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--docs", type=Path, help="write the tables between the marks in this file")
    parser.add_argument("--out", type=Path, help="draw a picture here, .svg or .png")
    return parser.parse_args()


if __name__ == "__main__":
    main()
