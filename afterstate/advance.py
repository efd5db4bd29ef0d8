"""How far work has come, as whoever does it tells whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Advance = Callable[[int], None]  # takes how many more are done
TOLD_EVERY = 500  # items, since telling takes time


def nobody_hears(_: int) -> None:
    """Take an advance that nobody wants to know of."""


def counted(items: Iterable[T], advance: Advance) -> Iterator[T]:
    """Yield items, and tell how many have been taken."""
    waiting = 0
    for item in items:
        yield item
        waiting += 1
        if waiting == TOLD_EVERY:
            advance(waiting)
            waiting = 0
    advance(waiting)
