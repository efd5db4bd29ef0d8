"""The progress of long work: the worker calls `Advance`, and it is shown here.

On a terminal that is a bar with rate and remaining time, on standard error and gone when the work is done; elsewhere an
occasional line, for what takes long. Rich is loaded only where somebody sees it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

T = TypeVar("T")
Advance = Callable[[int], None]  # takes how many more are done
FileWatcher = Callable[[Path, int, int], None]  # takes a file, the bytes read and those in all
ShareWatcher = Callable[[int, float], None]  # takes a part's number and the share of it that is done
TOLD_EVERY = 500  # items, since telling takes time
SECONDS_BETWEEN_LINES = 10.0
# dbt's events that mean one node more is done, whatever became of it.
NODE_ENDS = ("NodeFinished", "SkippingDetails", "LogSkipBecauseError")


def ignore_progress(_: int) -> None:
    """Ignore an advance."""


def counted(items: Iterable[T], advance: Advance) -> Iterator[T]:
    """Yield items, and report how many have been yielded."""
    waiting = 0
    for item in items:
        yield item
        waiting += 1
        if waiting == TOLD_EVERY:
            advance(waiting)
            waiting = 0
    advance(waiting)


@contextmanager
def byte_progress(quiet: bool) -> Iterator[FileWatcher | None]:
    """Show a bar per file, in bytes read; yields None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bars(DownloadColumn(), TransferSpeedColumn()) as bars:
        tasks = {}

        def watch(file: Path, read: int, size: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file.name, total=size)
            bars.update(tasks[file], completed=read, visible=read < size)

        yield watch


@contextmanager
def counting(what: str, count: Callable[[], int | None], quiet: bool = False) -> Iterator[Advance]:
    """Show how many things of how many are done; `count` says how many there are, and is asked where that is shown."""
    if quiet:
        yield ignore_progress
        return
    if not sys.stderr.isatty():
        yield _count_in_lines(what, count)
        return
    from rich.progress import MofNCompleteColumn, TextColumn

    with _bars(MofNCompleteColumn(), TextColumn("{task.fields[rate]}")) as bars:
        task = bars.add_task(what, total=count(), rate="")

        def advance(more: int) -> None:
            speed = bars.tasks[task].speed
            bars.update(task, advance=more, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance


@contextmanager
def sharing(what: str, names: Sequence[str]) -> Iterator[ShareWatcher]:
    """Show the share of each part that is done."""
    if not sys.stderr.isatty():
        yield _share_in_lines(what, len(names))
        return
    from rich.progress import TaskProgressColumn

    with _bars(TaskProgressColumn()) as bars:
        tasks = [bars.add_task(name, total=1.0) for name in names]
        yield lambda part, share: bars.update(tasks[part], completed=share)


@contextmanager
def quiet_build_progress(arguments: Sequence[str]) -> Iterator[list[Callable[[Any], None]]]:
    """Show how many of how many nodes dbt has built, on a terminal with `--quiet`.

    Yields the callback for dbt's events. `arguments` are those of dbt's command line.
    """
    is_quiet = {"--quiet", "-q"} & set(arguments) or os.environ.get("DBT_QUIET", "").lower() in ("1", "true")
    if not is_quiet or not sys.stderr.isatty():
        yield []
        return
    from rich.progress import MofNCompleteColumn

    with _bars(MofNCompleteColumn()) as bars:
        task = bars.add_task("reading the project", total=None)

        def hear(event: Any) -> None:
            if event.info.name == "LogStartLine":
                bars.update(task, total=event.data.total, description=event.data.node_info.node_name[:40])
            elif event.info.name in NODE_ENDS:
                bars.advance(task)

        yield [hear]


def _count_in_lines(what: str, count: Callable[[], int | None]) -> Advance:
    done, shown_at, total = 0, time.monotonic(), None

    def advance(more: int) -> None:
        nonlocal done, shown_at, total
        done += more
        if time.monotonic() - shown_at >= SECONDS_BETWEEN_LINES:
            total = total or count()
            shown_at = time.monotonic()
            print(f"{what}: {done:,}" + (f" of {total:,}" if total else ""), file=sys.stderr, flush=True)

    return advance


def _share_in_lines(what: str, parts: int) -> ShareWatcher:
    shares, shown_at = [0.0] * parts, time.monotonic()

    def watch(part: int, share: float) -> None:
        nonlocal shown_at
        shares[part] = share
        if time.monotonic() - shown_at >= SECONDS_BETWEEN_LINES:
            shown_at = time.monotonic()
            print(f"{what}: {sum(shares) / parts:.0%}", file=sys.stderr, flush=True)

    return watch


def _bars(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    lead = (TextColumn("{task.description}", markup=False), BarColumn())
    return Progress(*lead, *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
