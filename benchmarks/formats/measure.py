"""The steps of each way, each a process of its own in a fresh folder, and what must be there afterwards."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.formats.contender import Order
from benchmarks.formats.report import DELTA, ICEBERG, WAYS, Append, Kills, Many, Report
from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.landing.servers import ROOT
from benchmarks.warehouse.warehouse import StepFailed

COMMITTERS = (DELTA, ICEBERG)  # for commits, partitions make no difference
ROWS_OF_A_SMALL_LOAD = 100
TIMEOUT_SECONDS = 600
Answer = dict[str, Any]


class Benchmark:
    """Everything that is measured."""

    def __init__(self, arguments: Namespace, report: Report, folder: Path) -> None:
        """Keep what was asked for; `folder` takes the tables."""
        self._arguments = arguments
        self._report = report
        self._folder = folder
        self._expected: dict[tuple[int, int], Answer] = {}

    def run(self) -> None:
        """Measure all steps; raise StepFailed where rows are not those that were written."""
        for rows in self._arguments.rows:
            for _ in range(self._arguments.rounds):
                for way in WAYS:
                    self._report.appends.append(self._append(way, rows))
        for processes in self._arguments.processes:
            for way in COMMITTERS:
                self._report.many.append(self._many(way, processes))
        for way in COMMITTERS if self._arguments.kills else ():
            self._report.kills.append(self._kill(way))

    def _append(self, way: str, rows: int) -> Append:
        with self._empty(way) as place:
            started = time.monotonic()
            wrote = _run(Order("append", way, place, rows, is_new=True))
            megabytes = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file()) / 1e6
            read = _run(Order("read", way, place, rows))
        self._require(way, read["answer"], rows, 1)
        return Append(
            way=way,
            rows=rows,
            seconds=wrote["done"] - wrote["ready"],
            process_seconds=wrote["done"] - started,
            read_seconds=read["done"] - read["ready"],
            megabytes=megabytes,
            peak_megabytes=wrote["peak_megabytes"],
        )

    def _many(self, way: str, processes: int) -> Many:
        rows, loads = ROWS_OF_A_SMALL_LOAD, self._arguments.loads
        with self._empty(way) as place:
            _run(Order("make", way, place, rows))
            orders = [Order("commit", way, place, rows, loads, 1 + at * loads) for at in range(processes)]
            with _running(orders) as started:
                readings = [_finish(way, running) for running in started]
            read = _run(Order("read", way, place, rows))
        self._require(way, read["answer"], rows, processes * loads)
        own = [one["own_retries"] for one in readings]
        return Many(
            way=way,
            processes=processes,
            loads=loads,
            seconds=max(one["done"] for one in readings) - min(one["ready"] for one in readings),
            raised=sum(sum(one["raised"].values()) for one in readings),
            own_retries=None if None in own else sum(own),
        )

    def _kill(self, way: str) -> Kills:
        """Kill appends at random moments; none may be there in part, and none that the manifest names be missing."""
        rows, count = min(self._arguments.rows), self._arguments.kills
        usual = min(one.seconds for one in self._report.appends if (one.way, one.rows) == (way, rows))
        moments = random.Random(f"{self._arguments.seed} {way}")  # noqa: S311 (not a secret)
        killed = 0
        with self._empty(way) as place:
            for load_id in range(1, count + 1):
                with _running([Order("append", way, place, rows, first=load_id, is_new=load_id == 1)]) as (running,):
                    _wait_until_ready(running)
                    time.sleep(moments.uniform(0, usual))
                    killed += running.poll() is None
            _run(Order("append", way, place, rows, first=count + 1))  # what is left is not in the way of the next
            found = _run(Order("read", way, place, rows))["answer"]
        self._require_whole(way, found, rows, count + 1)
        return Kills(way, rows, count, killed, len(found["rows"]) - 1)

    def _empty(self, way: str) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix=f"{way}-", dir=self._folder)

    def _require(self, way: str, found: Answer, rows: int, loads: int) -> None:
        """Raise StepFailed when rows are lost, doubled or others than those that were written."""
        size = (rows, loads)
        if size not in self._expected:
            self._expected[size] = _run(Order("reckon", DELTA, str(self._folder), rows, loads))["answer"]
        for what in ("rows", "checksum"):
            expected = self._expected[size][what]
            if found[what] != expected:
                raise StepFailed(f"{WAYS[way]}: {what} read back: {found[what]}, written: {expected}")

    def _require_whole(self, way: str, found: Answer, rows: int, last: int) -> None:
        """Raise StepFailed when a load is there in part, or one of the manifest, which names the last, is missing."""
        landed = {int(load_id): count for load_id, count in found["rows"].items()}
        if set(landed.values()) != {rows} or last not in found["landed"] or not set(found["landed"]) <= set(landed):
            seed = self._arguments.seed
            raise StepFailed(f"{WAYS[way]}: not each load is there whole or not at all, seed {seed}: {found}")


def _wait_until_ready(running: subprocess.Popen[str]) -> None:
    """Wait until a process's imports are done."""
    if running.stdout:
        running.stdout.readline()


def _run(order: Order) -> dict[str, Any]:
    with _running([order]) as (running,):
        return _finish(order.way, running)


@contextmanager
def _running(orders: Sequence[Order]) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that are all gone when the block ends, however it does."""
    started: list[subprocess.Popen[str]] = []
    try:
        for order in orders:
            started.append(_start(order))
        yield started
    finally:
        for running in started:
            running.kill()
            running.communicate()


def _start(order: Order) -> subprocess.Popen[str]:
    with tempfile.TemporaryFile("w+") as said:
        json.dump(asdict(order), said)
        said.seek(0)
        return subprocess.Popen(
            [OTHERS_PYTHON, "-m", "benchmarks.formats.contender"],
            stdin=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )


def _finish(way: str, running: subprocess.Popen[str]) -> dict[str, Any]:
    said, errors = running.communicate(timeout=TIMEOUT_SECONDS)
    if running.returncode:
        raise StepFailed(f"{WAYS[way]} failed: {errors.strip()[-3000:]}")
    return dict(json.loads(said.splitlines()[-1]))
