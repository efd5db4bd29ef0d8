"""From which size on Spark builds faster than one server, and what the as-of join takes by bucket of time.

    script/benchmark-spark                                            everything, some hours
    script/benchmark-spark --sizes 20k --as-of-sizes 100k             some minutes

A session of N segments and N/4 proposals in four runs, the files of `benchmarks.warehouse`, is landed and built on a
private MariaDB as `afterstate up` makes it, and in a lake by Spark, one after the other. Every step is the command that
people run, a process of its own; its time is from the start of that process to its end, Java's start included.

land        `afterstate land`, with `--lake` for Spark.
build       `dbt run` of `+op_state_spans +proposal_phase_keys`: the phase-key models and all they are built from,
            without tests. For the first time, and once more with one more run of 1 %.

After the first round and its one more run, the rows of both marts and a checksum of all values must be the same on
both engines; `load_id`, which each numbers for itself, is left out. A difference ends the run.

The as-of step alone runs on segments and proposals reckoned from row numbers, 16 planes alike (`even`), or one of them
with nine tenths of the rows (`skewed`): by bucket of time as Afterstate does, by one window over each plane as on the
servers, by a range join, and by the as-of join that pyspark has. Each in a process of its own, after a first round on a
few rows; all must give the same rows. The last two compare every pair, of a plane or of all, and run at small sizes
only. The SQL of Spark 4.2 has no ASOF JOIN.

Memory is the most that the biggest process of its kind held, looked at every 0.1 s: the server, Spark's driver (with a
master `local[…]` it does all work), Python (landing, dbt).
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from afterstate.errors import AfterstateError, UsageError
from benchmarks import frame
from benchmarks.landing.servers import running_server
from benchmarks.spark.as_of import PYTHON
from benchmarks.spark.measure import Benchmark
from benchmarks.spark.report import Report

PARTS = ("build", "as_of")
PACKAGES = ("pyspark", "dbt-core", "dbt-spark")


def main() -> None:
    """Run what was asked for, print it and write it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no server outlives this
    report = Report(_about(arguments), arguments.memory)
    with tempfile.TemporaryDirectory(prefix="afterstate-spark-") as folder:
        benchmark = Benchmark(arguments, report, Path(folder))
        try:
            if not PYTHON.exists():
                raise UsageError("there is no environment for Spark", "`./script/setup --spark` makes it")
            if "build" in arguments.only:
                with running_server("mariadb") as server:
                    report.about["MariaDB"] = server.version
                    benchmark.build(server)
            if "as_of" in arguments.only:
                benchmark.join()
        except AfterstateError as error:
            sys.exit(f"benchmark-spark: {error}")
        finally:
            frame.write("spark", arguments, report, Path(folder))  # also where a run of hours ended early
    print(report.markdown())


def _about(arguments: argparse.Namespace) -> dict[str, object]:
    return {
        **frame.about(arguments.rounds, PYTHON, PACKAGES),
        "Spark's master": arguments.master,
        "driver's memory": arguments.memory,
        "pieces of a shuffle": arguments.partitions,
    }


def _arguments() -> argparse.Namespace:
    parser = frame.Parser("benchmark-spark", __doc__)
    parser.add_names("--only", PARTS)
    parser.add_sizes("--sizes", "1M,3M,10M,30M", "segments")
    parser.add_sizes("--as-of-sizes", "5k,100k,1M,3M,10M,30M", "segments")
    parser.add_argument("--rounds", type=int, default=1, help="of land and build; default %(default)s")
    parser.add_argument("--master", default="local[2]", help="where Spark runs; default %(default)s")
    parser.add_argument("--memory", default="2g", help="the driver's heap; default %(default)s")
    parser.add_argument("--partitions", type=int, default=4, help="pieces of a shuffle; default %(default)s")
    parser.add_outputs("docs/scale.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
