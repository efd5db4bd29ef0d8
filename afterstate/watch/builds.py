"""Builds beside a watch: dbt as a process of its own, one at a time, while files go on landing."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO

from afterstate.errors import AfterstateError
from afterstate.marts.sessions import files_to_build as nand_files_to_build
from afterstate.memory.snapshots import files_to_build as core_files_to_build
from afterstate.memory.snapshots import retakes_to_build
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.dbt import start_dbt
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings

# What has come without a pause is built after so many times the quiet that a build waits for.
LONGEST_WAIT = 20
STOP_SECONDS = 60


def is_build_due(warehouse: Warehouse) -> bool:
    """Return whether something has landed, or was retaken, that the marts do not have."""
    with open_cursor(warehouse.landing) as cursor:
        cursor.execute(f"select count(*) from {warehouse.table('landing', 'landing_loads')}")
        if not cursor.fetchone()[0]:
            return False
    try:
        counts = (nand_files_to_build, core_files_to_build, retakes_to_build)
        return any(count(warehouse) for count in counts)
    except AfterstateError:  # the marts are not built yet
        return True


@dataclass(frozen=True)
class Built:
    """How a build ended: its exit code, how long it took, and what it said, which is nothing when all is well."""

    exit_code: int
    seconds: float
    said: str


@dataclass
class Builds:
    """When to build next: after `quiet_seconds` without news; None never builds."""

    settings: Settings
    quiet_seconds: float | None
    _first_news: float | None = None
    _last_news: float = 0.0
    _process: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None
    _began: float = 0.0

    def note_news(self) -> None:
        """Schedule a build, since something has landed."""
        self._last_news = time.monotonic()
        if self._first_news is None:
            self._first_news = self._last_news

    @property
    def is_due(self) -> bool:
        """Whether a build should start now."""
        if self.quiet_seconds is None or self._first_news is None or self._process:
            return False
        now = time.monotonic()
        is_quiet = now - self._last_news >= self.quiet_seconds
        return is_quiet or now - self._first_news >= LONGEST_WAIT * self.quiet_seconds

    def start(self) -> None:
        """Start a build."""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the build)
        self._began = time.monotonic()
        self._first_news = None
        self._process = start_dbt(self.settings, "build", ["--quiet"], self._output)

    def ended(self) -> Built | None:
        """Return what became of a build that has just ended, None while there is none."""
        code = self._process.poll() if self._process else None
        if code is None or not self._output:
            return None
        self._process = None
        with self._output as output:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        return Built(code, time.monotonic() - self._began, said)

    def stop(self) -> None:
        """End a build that is at work, as Ctrl-C would."""
        if not self._process:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
