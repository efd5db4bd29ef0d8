"""A word for who waits: each minute that a block takes, somebody says why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from afterstate.warehouse.connect import LOCK_WAIT_SECONDS


@contextmanager
def word_each_minute(word: Callable[[], str]) -> Iterator[None]:
    """Print what `word` gives, unless it is empty, for each minute that the block takes; it is asked in a thread."""
    is_over = Event()

    def tell() -> None:
        while not is_over.wait(LOCK_WAIT_SECONDS):
            if said := word():
                print(said, file=sys.stderr, flush=True)

    teller = Thread(target=tell, name="patience", daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
