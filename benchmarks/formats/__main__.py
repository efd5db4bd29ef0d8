"""Why the lake's tables are Delta's and not Iceberg's: one load, many loaders at once, killed ones.

    script/benchmark-formats                                            some minutes
    script/benchmark-formats --rows 100k --processes 4 --kills 0        a minute

Both write the same Arrow batches of an op_state timeline, in the columns of the lake's table, to a folder; batches are
reckoned while they are written. Files are Parquet with ZSTD. Every step is a process of its own.

delta-rs    As `afterstate land --lake` writes: a table partitioned by load, which takes a stream. There is no catalog.
pyiceberg   The same partitions. It takes no stream for a table that has some, so that a load is in memory whole. Its
            catalog is a SQLite database in the same folder.
no partitions
            pyiceberg on a table without, which takes a stream.

append      A load's rows in one commit, its row of the manifest in another. From where the imports are done to the
            second commit; `whole process` begins with the process, and makes the tables. What is on disk includes
            metadata and catalog.
read        All rows into an Arrow table. Rows of each load and a checksum of all values must be what was written.
many        Processes that each commit loads of 100 rows to one table, from the first that is ready to the last commit.
            Both libraries may write a commit again a thousand times, and wait between tries as they do by default.
            `again by itself` counts these tries; `given up and begun again` counts errors after which the process tried
            once more. No row may be lost or doubled.
killed      Appends that are killed at a random moment, of the smallest size. Each load must be there whole or not at
            all, and whole where the manifest names it; the next append must go through. `--seed` repeats the moments.

Rows that are lost, doubled or others end the run. Figures of append and read are medians; many and killed run once.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from afterstate.errors import AfterstateError, UsageError
from benchmarks import frame
from benchmarks.formats.measure import Benchmark
from benchmarks.formats.report import Report
from benchmarks.landing.comparison import OTHERS_PYTHON

PACKAGES = ("deltalake", "pyiceberg", "pyarrow", "SQLAlchemy")


def main() -> None:
    """Run what was asked for, print it and write it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no process outlives this
    about = {**frame.about(arguments.rounds, OTHERS_PYTHON, PACKAGES), "seed": arguments.seed}
    report = Report(about)
    with tempfile.TemporaryDirectory(prefix="afterstate-formats-") as folder:
        try:
            if not OTHERS_PYTHON.exists():
                raise UsageError("the packages are not here", "`script/benchmark-environment` installs them")
            Benchmark(arguments, report, Path(folder)).run()
        except AfterstateError as error:
            sys.exit(f"benchmark-formats: {error}")
        frame.write("formats", arguments, report, Path(folder))
    print(report.markdown())


def _arguments() -> argparse.Namespace:
    parser = frame.Parser("benchmark-formats", __doc__)
    parser.add_sizes("--rows", "100k,1M", "rows of a load")
    parser.add_sizes("--processes", "4,8", "processes that commit at once")
    parser.add_argument("--loads", type=int, default=20, help="that each of them commits; default %(default)s")
    parser.add_argument("--kills", type=int, default=5, help="of each library; default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="of append and read; default %(default)s")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the kills")  # noqa: S311
    parser.add_outputs("docs/scale.md", with_picture=False)
    return parser.parse_args()


if __name__ == "__main__":
    main()
