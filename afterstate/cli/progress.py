"""Progress of long work: a bar with rate and remaining time on a terminal, nothing elsewhere.

Bars are drawn on standard error, and gone when the work is done. Rich is loaded only where somebody sees it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from afterstate.advance import Advance, nobody_hears
from loaders.content import Progress as FileWatcher

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def is_seen(quiet: bool = False) -> bool:
    """Tell whether somebody would see a bar."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def byte_progress(quiet: bool) -> Iterator[FileWatcher | None]:
    """Show a bar a file, in bytes read; yields None where nobody would see it."""
    if not is_seen(quiet):
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
    """Show a bar over things that are done one by one; `count` says how many, and is asked only where that is seen."""
    if not is_seen(quiet):
        yield nobody_hears
        return
    from rich.progress import MofNCompleteColumn, TextColumn

    with _bars(MofNCompleteColumn(), TextColumn("{task.fields[rate]}")) as bars:
        task = bars.add_task(what, total=count(), rate="")

        def advance(more: int) -> None:
            speed = bars.tasks[task].speed
            bars.update(task, advance=more, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance


def _bars(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    lead = (TextColumn("{task.description}", markup=False), BarColumn())
    return Progress(*lead, *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
