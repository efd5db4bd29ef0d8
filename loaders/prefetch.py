"""The next item made while one is being used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def prefetched(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Yield an iterator over the items, none of them None; while one is being used, a thread makes the next.

    The thread has ended when the block is left, by an error too. A generator alone would not do: one that is left
    half-way is closed by the thread that collects it, which may be the very thread that it waits for.
    """
    left = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as worker:

        def each() -> Iterator[T]:
            coming = worker.submit(next, left, None)
            while (item := coming.result()) is not None:
                coming = worker.submit(next, left, None)
                yield item

        yield each()
