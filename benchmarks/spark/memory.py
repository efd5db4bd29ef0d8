"""The peak memory of each process of a step: a server, and what this process has started, down to Spark's executors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

LOOK_SECONDS = 0.1
SERVER, DRIVER, EXECUTOR, PYTHON = ROLES = ("server", "driver", "executor", "Python")

Peaks = dict[str, float]  # the biggest process of each role, in MB


@contextmanager
def watched(server: psutil.Process | None = None) -> Iterator[Peaks]:
    """Look at the processes while the block runs; the result is filled in as it goes."""
    peaks: Peaks = {}
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(LOOK_SECONDS):
            for role, process in _processes(server):
                with suppress(psutil.Error):  # it has ended
                    peaks[role] = max(peaks.get(role, 0.0), process.memory_info().rss / 1e6)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        stopped.set()
        thread.join()


def _processes(server: psutil.Process | None) -> Iterator[tuple[str, psutil.Process]]:
    if server:
        yield SERVER, server
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process != server and (role := _role(process)):
                yield role, process


def _role(process: psutil.Process) -> str | None:
    """Return what a process is by its command line; shells and helpers are nothing."""
    command = " ".join(process.cmdline())
    if "CoarseGrainedExecutorBackend" in command:
        return EXECUTOR
    if "org.apache.spark.deploy.SparkSubmit" in command:
        return DRIVER
    return PYTHON if "python" in command else None
