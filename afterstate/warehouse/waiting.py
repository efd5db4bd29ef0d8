"""While a block waits, report every minute why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from afterstate.warehouse.connect import LOCK_WAIT_SECONDS


@contextmanager
def report_every_minute(reason: Callable[[], str]) -> Iterator[None]:
    """Print what `reason` returns, unless it is empty, every minute that the block takes; it is called in a thread."""
    is_over = Event()

    def report() -> None:
        while not is_over.wait(LOCK_WAIT_SECONDS):
            if said := reason():
                print(said, file=sys.stderr, flush=True)

    Thread(target=report, name="waiting", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
