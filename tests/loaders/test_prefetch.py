"""What is made ahead of its use, by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from loaders.prefetch import prefetched


def numbers(made: list[threading.Thread]) -> Iterator[int]:
    for number in range(1, 1000):
        made.append(threading.current_thread())
        yield number


def test_all_items_come_in_order() -> None:
    """Prevents an item from being lost or doubled between the two threads."""
    with prefetched(numbers([])) as items:
        assert list(items) == list(range(1, 1000))


def test_the_thread_ends_where_the_work_is_left() -> None:
    """Prevents Ctrl-C from leaving a thread that reads a file that is closed by then, and a traceback to people."""
    made: list[threading.Thread] = []
    with pytest.raises(KeyboardInterrupt) as caught, prefetched(numbers(made)) as items:
        next(items)
        raise KeyboardInterrupt
    assert caught.traceback  # it holds the frames, as an interrupted program does until it ends
    assert made
    assert not any(thread.is_alive() for thread in made)


def test_an_error_in_the_thread_is_the_users() -> None:
    """Prevents a file that cannot be read to its end from landing up to there."""

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("line 2")

    read: list[int] = []
    with pytest.raises(ValueError, match="line 2"), prefetched(broken()) as items:
        for item in items:
            read.append(item)
    assert read == [1]
