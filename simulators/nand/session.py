"""A session's runs into a folder, and several sites side by side, each in a `site_NN` folder of its own.

Every site is a session with a seed of its own, made from the seed and its number; site 0 alone is a session without
sites. Files of a run appear together, when they are all whole.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from types import FrameType
from typing import Any

from afterstate.phase_key import Boundary, tick
from simulators.nand.configuration import Configuration
from simulators.nand.export import RunExporter
from simulators.nand.simulation import RunSummary, Simulation
from simulators.nand.state_timeline import TICKS_PER_US
from simulators.whole_files import WholeFiles

POLL_SECONDS = 0.2
Progress = Callable[[int, float], None]  # site, share that is done


@dataclass(frozen=True)
class Order:
    """What to simulate: `runs` runs of `run_us` each; `date` (YYMMDD) stands in the files' names only."""

    configuration: Configuration
    seed: int
    run_us: float
    runs: int
    date: str
    boundary: Boundary = "before"


@dataclass(frozen=True)
class SiteResult:
    """What came of one site."""

    site: int
    files: list[Path]
    summaries: list[RunSummary]


def simulate_session(order: Order, folder: Path, site: int = 0, progress: Progress | None = None) -> SiteResult:
    """Simulate one site's runs and write their files. Stopped half-way, it leaves the complete runs' files.

    Each `site` has a seed of its own; `progress` is called with it and the share that is done, 0 to 1. Raises
    ValueError for a run shorter than a tick.
    """
    simulation = Simulation(order.configuration, f"{order.seed}/{site}")
    result = SiteResult(site, [], [])
    whole = tick(order.run_us) * order.runs

    def reached(now: int) -> None:
        if progress:
            progress(site, now / whole)

    for run in range(1, order.runs + 1):
        start_tick = tick(order.run_us) * (run - 1)
        with WholeFiles(folder) as files:
            exporter = RunExporter(files, simulation.resources, f"{order.date}_{run:07d}", start_tick, order.boundary)
            result.summaries.append(simulation.run(order.run_us, exporter, reached))
            exporter.close(round(result.summaries[-1].end_us * TICKS_PER_US))
        result.files.extend(files.files)
        reached(tick(order.run_us) * run)
    return result


def simulate_sites(order: Order, folder: Path, sites: int, progress: Progress | None = None) -> list[SiteResult]:
    """Simulate sites side by side on the cores, each in a folder `site_NN`.

    When this is interrupted or ended, the sites clean up and end, too. `progress` and errors are as for one session.
    """
    context = multiprocessing.get_context("spawn")  # the same on every system
    shares = context.Array("d", sites)
    workers = min(sites, os.cpu_count() or 1)
    pool = context.Pool(workers, _begin_worker, (shares,))
    is_main = threading.current_thread() is threading.main_thread()  # only there signals have handlers
    before = signal.signal(signal.SIGTERM, _exit) if is_main else None
    try:
        orders = [(order, folder / f"site_{site:02d}", site) for site in range(sites)]
        pending = pool.starmap_async(_simulate_site, orders, chunksize=1)
        while not pending.ready():
            pending.wait(POLL_SECONDS)
            if progress:
                for site, share in enumerate(shares[:]):
                    progress(site, share)
        results = pending.get()
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return results


_shares: SynchronizedArray[Any] | None = None


def _begin_worker(shares: SynchronizedArray[Any]) -> None:
    """Leave interrupts to the parent, which ends its workers; let them clean up when it does."""
    global _shares  # a worker has nothing else to keep it in
    _shares = shares
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _simulate_site(order: Order, folder: Path, site: int) -> SiteResult:
    return simulate_session(order, folder, site, _tell)


def _tell(site: int, share: float) -> None:
    if _shares is not None:
        _shares[site] = share
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise KeyboardInterrupt  # killed outright: nobody is left to end this worker
