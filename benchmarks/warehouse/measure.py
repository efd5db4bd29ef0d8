"""One server's rounds: our steps in the order of a working week, and the other ways on what is landed then."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.landing.servers import Server
from benchmarks.warehouse.files import Files, write_core, write_session
from benchmarks.warehouse.report import Report
from benchmarks.warehouse.warehouse import Run, Warehouse
from benchmarks.warehouse.ways import FAMILIES, Family, Way, require_equal, run_once

WRITERS = {"nand": write_session, "core": write_core}
LARGE_ROWS = 2_000_000  # above, one round


class Benchmark:
    """What is measured on one server."""

    def __init__(self, arguments: argparse.Namespace, server: Server, report: Report, folder: Path) -> None:
        """Keep what to run, where, where the figures go, and a folder for the files."""
        self._arguments = arguments
        self._server = server
        self._report = report
        self._folder = folder
        self._warehouse = Warehouse(server)

    def run(self) -> None:
        """Measure everything, and print each family when it is done."""
        self._warehouse.warm_up()
        for family in (family for name, family in FAMILIES.items() if name in self._arguments.only):
            for rows in self._arguments.sizes:
                self._measure(family, rows)
            print(self._report.text(self._server.engine, family.name), flush=True)

    def _measure(self, family: Family, rows: int) -> None:
        self._say(f"{rows:,} rows of {family.name}: writing files")
        files = WRITERS[family.name](rows, self._folder / self._server.engine / family.name)
        for number in range(self._arguments.rounds if rows <= LARGE_ROWS else 1):
            self._say(f"{rows:,} rows of {family.name}, round {number + 1}")
            self._round(family, files, is_first=number == 0)
        self._report.add_sums(self._server.engine, family.name, rows)
        for way in self._ways(family):
            if way.is_linear and not self._runs_at(way, rows):
                self._report.reckon(self._server.engine, family.name, rows, way.name)
        shutil.rmtree(files.first.parents[1])

    def _round(self, family: Family, files: Files, *, is_first: bool) -> None:
        warehouse = self._warehouse
        warehouse.empty()
        self._add(family, files, "land", warehouse.land(files.first))
        if family.name == "nand":
            self._add(family, files, "models", warehouse.run_models())
            self._other_ways(family, files, is_first=is_first)
            warehouse.forget_builds()
        self._add(family, files, "build", warehouse.build())
        if family.name != "nand":
            self._other_ways(family, files, is_first=is_first)
        self._add(family, files, "nothing", warehouse.build())
        self._add(family, files, "land_new", warehouse.land(files.later))
        self._add(family, files, "new", warehouse.build())
        if is_first:
            self._check_new_run(family, files)

    def _other_ways(self, family: Family, files: Files, *, is_first: bool) -> None:
        for way in self._ways(family):
            if self._runs_at(way, files.rows):
                self._add(family, files, way.name, run_once(self._server, family, way, [files.first]))
                if is_first:
                    require_equal(self._server, family, way.title)

    def _check_new_run(self, family: Family, files: Files) -> None:
        """Compare what a build made of the new run with what another way makes of everything."""
        for way in [way for way in self._ways(family) if self._runs_at(way, files.rows)][:1]:
            run_once(self._server, family, way, [files.first, files.later])
            require_equal(self._server, family, f"{way.title}, with one more run")

    def _ways(self, family: Family) -> list[Way]:
        return [way for way in family.ways if way.name in self._arguments.only and self._server.engine in way.engines]

    def _runs_at(self, way: Way, rows: int) -> bool:
        most = self._arguments.slow_rows if way.most_rows == 0 else way.most_rows
        return most is None or rows <= most

    def _add(self, family: Family, files: Files, what: str, run: Run) -> None:
        self._report.add(self._server.engine, family.name, files.rows, what, run)
        self._say(f"  {what}: {run.seconds:.2f} s")

    def _say(self, line: str) -> None:
        """Report progress; not part of the result."""
        print(f"  {self._server.engine}: {line}", file=sys.stderr, flush=True)
