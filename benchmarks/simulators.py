"""How fast the simulators are: committed NAND operations and core trace rows a second, on one core, files written.

    python -m benchmarks.simulators                 about a minute, from the root of the repository
    python -m benchmarks.simulators --core-rows 10000000

Each figure is a median of several repeats, after one that is not counted, with the CPU's seconds beside the clock's:
where they differ, the machine was busy with other work. NAND figures are ratios, too: to the goal of 10,000 operations
a second, and to the same decisions without recording and files. The last lines show that memory does not grow with the
length of a run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import peak_megabytes
from simulators.core.governed_files import write_governed_runs
from simulators.core.governed_runs import Size
from simulators.nand.configuration import PRESETS, load_configuration
from simulators.nand.session import Order, simulate_session
from simulators.nand.simulation import Simulation

GOAL = 10_000  # committed operations a second
RUN_US = {"erase-only": 4_000_000.0, "mix": 400_000.0, "pgm-read": 150_000.0, "default": 200_000.0}
ANTIBODIES, STEPS, CASES = 50, 100, 2


@dataclass(frozen=True)
class Figure:
    """Something a second, by the CPU's seconds and by the clock's."""

    by_cpu: float
    by_clock: float


def measure(work: Callable[[], int], repeats: int) -> Figure:
    """Return the medians; `work` gives how much it did."""
    work()
    figures = []
    for _ in range(repeats):
        cpu, clock = time.process_time(), time.perf_counter()
        done = work()
        figures.append((done / (time.process_time() - cpu), done / (time.perf_counter() - clock)))
    return Figure(*(statistics.median(column) for column in zip(*figures, strict=True)))


def nand(folder: Path, repeats: int) -> None:
    """Print a line for each preset."""
    print("committed NAND operations a second     CPU    clock  / goal   decisions only   / recorded and written")
    for preset in PRESETS:
        configuration = load_configuration(preset=preset)
        order = Order(configuration, seed=1, run_us=RUN_US[preset], runs=1, date="261122")

        def write(order: Order = order) -> int:
            return simulate_session(order, folder).summaries[0].operations

        def decide(order: Order = order) -> int:
            return Simulation(order.configuration, "1/0", record=False).run(order.run_us).operations

        written, decided = measure(write, repeats), measure(decide, repeats)
        print(
            f"  {preset:<32}{written.by_cpu:>8,.0f} {written.by_clock:>8,.0f} {written.by_cpu / GOAL:>6.2f}"
            f"  {decided.by_cpu:>15,.0f} {decided.by_cpu / written.by_cpu:>24.2f}"
        )


def core(folder: Path, rows: int) -> None:
    """Print how long trace rows took, the two files that follow them step by step and the events included."""
    size = Size(max(rows // (CASES * ANTIBODIES * STEPS), 1), CASES, ANTIBODIES, STEPS)
    cpu, clock = time.process_time(), time.perf_counter()
    files = write_governed_runs(size, 1, folder)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    gigabytes = sum(file.stat().st_size for file in files) / 1e9
    print(
        f"core: {size.rows:,} trace rows, and as many in two more files ({gigabytes:.2f} GB): "
        f"{clock:.1f} s, CPU {cpu:.1f} s"
    )
    print(f"  {size.rows / cpu:,.0f} trace rows a second of CPU; peak memory {peak_megabytes():,.0f} MB")


def memory() -> None:
    """Print the peak memory of runs of different lengths, each in a process of its own."""
    for factor in (1, 4):
        command = [sys.executable, "-m", "benchmarks.simulators", "--memory-of", str(RUN_US["default"] * factor)]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"NAND run of {RUN_US['default'] * factor:,.0f} µs: peak memory {shown} MB")


def memory_of(run_us: float) -> None:
    """Print the peak memory of this process after one run."""
    with tempfile.TemporaryDirectory() as folder:
        simulate_session(Order(load_configuration(), 1, run_us, 1, "261122"), Path(folder))
    print(f"{peak_megabytes():,.0f}")


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description="Measure the simulators.")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each NAND figure; default %(default)s")
    parser.add_argument("--core-rows", type=int, default=2_000_000, help="trace rows; default %(default)s")
    parser.add_argument("--memory-of", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        memory_of(arguments.memory_of)
        return
    with tempfile.TemporaryDirectory() as folder:
        nand(Path(folder), arguments.repeats)
        memory()
        core(Path(folder), arguments.core_rows)


if __name__ == "__main__":
    main()
