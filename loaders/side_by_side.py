"""Landing files side by side: while the server checks one's rows and the loader reads another, no core is idle.

What becomes of them is what would, had they landed one after the other (`turns` sees to it).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from loaders.land import FileLander
from loaders.result import FileResult
from loaders.runs import InputFile
from loaders.turns import Turns

# Each takes a core of the server's, and memory for its blocks here. A server has others to serve.
MOST_AT_ONCE = 4
WAKE_SECONDS = 0.1


def land_files(lander: FileLander, files: Sequence[InputFile]) -> list[FileResult]:
    """Land files and say what became of each, in their order.

    Nothing of a file that is not through is visible when this is interrupted.
    """
    turns = Turns()
    with ThreadPoolExecutor(min(MOST_AT_ONCE, _cores()), thread_name_prefix="landing") as workers:
        try:
            landings = [workers.submit(lander.land_found, found, turn=turns.take()) for found in files]
            _wait(landings)
            return [landing.result() for landing in landings]
        except BaseException:  # of Ctrl-C, only this thread hears
            workers.shutdown(wait=False, cancel_futures=True)
            turns.stop()
            raise


def _wait(landings: Sequence[Future[FileResult]]) -> None:
    """Wait for all of them, or the first that raises; awake now and then.

    The system may give Ctrl-C to another thread. Python acts on it in this one, but only when it wakes.
    """
    while True:
        done, others = wait(landings, WAKE_SECONDS, return_when=FIRST_EXCEPTION)
        if not others or any(landing.exception() for landing in done):
            return


def _cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
