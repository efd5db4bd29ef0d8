"""`afterstate watch` as a process of its own, and what it tells of."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import Bench
from tests.server.helpers import AFTERSTATE

TIMEOUT = 120.0  # seconds; a machine that does much else is slow


class Watch:
    """A running watch, and the events that it has told of."""

    def __init__(self, bench: Bench, folder: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [str(AFTERSTATE), "watch", folder, *options, "--json"],
            env=bench.process_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.errors = ""
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._events.put(json.loads(line))

    def _read_errors(self) -> None:
        assert self._process.stderr
        self.errors = self._process.stderr.read()

    def next(self, event: str) -> dict[str, Any]:
        """Return the next event, which must be this one."""
        return self.next_of(event)

    def next_of(self, *expected: str) -> dict[str, Any]:
        """Return the next event, which must be one of these."""
        try:
            found = self._events.get(timeout=TIMEOUT)
        except queue.Empty:
            raise AssertionError(f"none of {expected} within {TIMEOUT} s; it says: {self.errors}") from None
        assert found["event"] in expected, (found, self.errors)
        return found

    def landed(self) -> tuple[str, str, int]:
        """Return the name, status and landed rows of the next file."""
        found = self.next("file")
        return Path(found["file"]).name, found["status"], found["rows_landed"]

    def says_nothing_for(self, seconds: float) -> bool:
        time.sleep(seconds)
        return self._events.empty()

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(TIMEOUT)
        for reader in self._readers:
            reader.join(TIMEOUT)
        return code


@contextmanager
def watching(bench: Bench, folder: Path, *options: str) -> Iterator[Watch]:
    watch = Watch(bench, folder, *options)
    try:
        watch.next("watching")
        yield watch
    finally:
        watch.end(signal.SIGKILL)
