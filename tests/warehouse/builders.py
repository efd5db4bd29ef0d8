"""Builds as processes of their own, stopped and ended where a test wants it, and readers that hold what builds need."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from afterstate.warehouse.build_lock import lock_name
from afterstate.warehouse.connect import connect
from afterstate.warehouse.profile import Credentials
from tests.bench import WITHOUT_TESTS, Bench
from tests.server.helpers import AFTERSTATE

TIMEOUT_SECONDS = 120


class Build:
    """An `afterstate build` at work; each has its own place for dbt's artifacts."""

    def __init__(self, bench: Bench, *arguments: str, name: str = "build") -> None:
        self.bench = bench
        folder = bench.folder / name
        self.said_in = folder / "said"
        folder.mkdir(parents=True, exist_ok=True)
        self.process = self._start(folder, arguments)

    def _start(self, folder: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        self._take_what_is_parsed(folder / "target")
        own = ("--target-path", str(folder / "target"), "--log-path", str(folder / "logs"))
        with self.said_in.open("wb") as said:
            return subprocess.Popen(
                [str(AFTERSTATE), "build", *WITHOUT_TESTS, *own, *arguments],
                env=self.bench.process_environment,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def _take_what_is_parsed(self, target: Path) -> None:
        """Begin with the project as dbt has parsed it for this warehouse, which takes longer than a small build.

        The place where that stands is one of the variables with which dbt takes it for the same project.
        """
        parsed = self.bench.artifacts / "partial_parse.msgpack"
        if parsed.exists():
            target.mkdir(exist_ok=True)
            shutil.copy(parsed, target)

    @property
    def said(self) -> str:
        """What it has said until now."""
        return self.said_in.read_text()

    def hears(self, number: signal.Signals) -> None:
        """Get a signal."""
        self.process.send_signal(number)

    def says(self, text: str) -> None:
        """Wait until it has said this."""
        wait_until(lambda: text in self.said, lambda: self.said)

    def ends(self) -> int:
        """Wait for its end and give its exit code."""
        return self.process.wait(TIMEOUT_SECONDS)


@contextmanager
def building(bench: Bench, *arguments: str, name: str = "build") -> Iterator[Build]:
    """Start a build; whatever is left of it ends with the block."""
    build = Build(bench, *arguments, name=name)
    try:
        yield build
    finally:
        if build.process.poll() is None:
            build.process.kill()
            build.process.wait(TIMEOUT_SECONDS)


@contextmanager
def reading(account: Credentials, table: str) -> Iterator[int]:
    """Read a table and keep the transaction open, as an idle notebook does; gives the reader's connection."""
    reader = connect(account)
    try:
        with reader.cursor() as cursor:
            cursor.execute(f"select count(*) from {table}")
            cursor.fetchall()
        yield int(reader.thread_id())
    finally:
        reader.close()


def builder(bench: Bench) -> int | None:
    """Return the connection that holds the warehouse's build lock."""
    ((holder,),) = bench.query("select is_used_lock(%s)", lock_name(bench.warehouse.schemas.marts), role="dbt")
    return holder


def statements(bench: Bench, like: str) -> list[int]:
    """Return the connections of dbt's account whose statement has this in it."""
    found = bench.query("show full processlist", role="dbt")
    return [row[0] for row in found if like in (row[7] or "")]


def wait_until(is_so: Callable[[], Any], tell: Callable[[], Any] = str) -> Any:
    """Wait until something is so and give it; `tell` says what there is instead."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < deadline, tell()
        time.sleep(0.05)
    return found
