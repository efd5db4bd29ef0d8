"""The rounds: the same files landed and built on MariaDB and on Spark, and the as-of step alone."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.landing.servers import Server
from benchmarks.spark.as_of import SHAPES, WAYS, AsOf
from benchmarks.spark.checksum import require_equal
from benchmarks.spark.lake import Lake, Settings
from benchmarks.spark.memory import watched
from benchmarks.spark.report import MARIADB, SPARK, Report, Run, Stored
from benchmarks.warehouse.files import Files, write_session
from benchmarks.warehouse.warehouse import Warehouse


class Benchmark:
    """What is measured."""

    def __init__(self, arguments: argparse.Namespace, report: Report, folder: Path) -> None:
        """Keep what to run, where the figures go, and a folder for everything."""
        self._arguments = arguments
        self._report = report
        self._folder = folder
        self._settings = Settings(arguments.master, arguments.memory, arguments.partitions)

    def build(self, server: Server) -> None:
        """Land and build at each size, smallest first."""
        warehouse = Warehouse(server)
        warehouse.warm_up()
        for rows in self._arguments.sizes:
            self._say(f"{rows:,} segments: writing files")
            files = write_session(rows, self._folder)
            for number in range(self._arguments.rounds):
                self._say(f"{rows:,} segments, round {number + 1}")
                warehouse.empty()
                lake = Lake(self._folder / "lake", self._settings)
                self._land_and_build(server, warehouse, lake, files)
                if number == 0:
                    require_equal(server, lake)
                shutil.rmtree(self._folder / "lake")
            shutil.rmtree(files.first.parents[1])

    def _land_and_build(self, server: Server, warehouse: Warehouse, lake: Lake, files: Files) -> None:
        process = server.private.process()
        for folder, new in ((files.first, ""), (files.later, "_new")):
            if new:
                self._report.stored[files.rows] = Stored(files.rows, _server_bytes(server), *lake.stored_bytes())
            self._add(MARIADB, files, f"land{new}", lambda at=folder: warehouse.land(at).seconds, process)
            self._add(MARIADB, files, f"models{new}", lambda: warehouse.run_models().seconds, process)
            self._add(SPARK, files, f"land{new}", lambda at=folder: lake.land(at))
            self._add(SPARK, files, f"models{new}", lake.run_models)

    def join(self) -> None:
        """Run the as-of step by each way, at each size that it can be run at."""
        lake = Lake(self._folder / "no-lake", self._settings)
        as_of = AsOf(lake, self._settings, self._folder / "as-of")
        for rows in self._arguments.as_of_sizes:
            for shape in SHAPES:
                for way in (way for way in WAYS if way.most_rows is None or rows <= way.most_rows):
                    run = as_of.run(way, rows, shape)
                    self._report.add_join(rows, shape, way.name, run)
                    self._say(
                        f"as of, {rows:,} {shape}: {way.title}: {run.seconds:.2f} s, {run.cpu_seconds:.2f} s of CPU"
                    )
            shutil.rmtree(self._folder / "as-of")

    def _add(
        self, engine: str, files: Files, what: str, step: Callable[[], float], process: psutil.Process | None = None
    ) -> None:
        with watched(process) as peaks:
            seconds = step()
        self._report.add(engine, files.rows, what, Run(seconds, peaks))
        said = ", ".join(f"{role} {peak:,.0f} MB" for role, peak in peaks.items())
        self._say(f"  {engine}, {what}: {seconds:.2f} s; {said}")

    def _say(self, line: str) -> None:
        """Report progress; not part of the result."""
        print(f"  {line}", file=sys.stderr, flush=True)


def _server_bytes(server: Server) -> int:
    schemas = ", ".join(f"'{name}'" for name in server.schemas.all())
    query = f"select sum(data_length + index_length) from information_schema.tables where table_schema in ({schemas})"
    return int(server.ask(query)[0][0])
