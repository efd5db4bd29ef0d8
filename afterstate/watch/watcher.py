"""The watch itself: land what has arrived, build when it has been quiet, wait while the server or the folder is away.

Nothing is kept between two watches. What has landed is known by its content, so the first look of a new watch finds it
unchanged, and whether a build is due is asked of the warehouse.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pymysql
from sqlalchemy.exc import DBAPIError

from afterstate.errors import AfterstateError
from afterstate.warehouse.connect import detect
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings
from afterstate.watch.arrivals import Arrivals
from afterstate.watch.builds import Builds, Built, is_build_due
from loaders.content import Progress
from loaders.kinds import Kind
from loaders.land import Lander
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions
from loaders.side_by_side import land_files

LOOK_SECONDS = 1.0
# A folder that takes long to look at is looked at less often: at most this share of the time goes into looking.
LOOKING_SHARE = 0.1
FILES_AT_ONCE = 100
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0
AWAY = (AfterstateError, pymysql.MySQLError, DBAPIError, OSError)


class Listener(Protocol):
    """Whoever shows what a watch does."""

    def landed(self, results: Sequence[FileResult]) -> None:
        """Report what became of files that arrived."""

    def still_open(self, file: Path) -> None:
        """Report a file that has not changed for long and is still open for writing."""

    def away(self, error: Exception) -> None:
        """Report, once, that the server or the folder is unavailable."""

    def back(self, seconds: float) -> None:
        """Report that it is back."""

    def building(self) -> None:
        """Report that a build has started."""

    def built(self, built: Built) -> None:
        """Report how a build has ended."""

    def progress(self) -> AbstractContextManager[Progress | None]:
        """Return the callback for bytes read."""


@dataclass(frozen=True)
class Order:
    """What to watch, and how: times in seconds; `build_after` is None for no builds."""

    folder: Path
    settle: float
    build_after: float | None
    run_options: RunOptions = field(default_factory=RunOptions)
    kind: Kind | None = None
    encoding: str | None = None


class Watcher:
    """Watches one folder until it is interrupted."""

    def __init__(self, settings: Settings, order: Order, listener: Listener) -> None:
        """Store what to watch. Raises UsageError when there is no warehouse that files could land in."""
        read_warehouse(settings)
        self._settings = settings
        self._order = order
        self._listener = listener
        self._arrivals = Arrivals(order.folder, order.settle)
        self._builds = Builds(settings, order.build_after)
        self._away_since: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._look_seconds = 0.0
        self._has_asked = False
        self._is_to_stop = False

    def stop(self) -> None:
        """End `run` before its next look: an interrupt is lost where Python cannot raise it, in a destructor."""
        self._is_to_stop = True

    def run(self) -> None:
        """Watch until KeyboardInterrupt or `stop`, and raise KeyboardInterrupt once nothing of its own is at work."""
        try:
            while True:
                if self._is_to_stop:
                    raise KeyboardInterrupt
                try:
                    self._step()
                except BrokenPipeError:
                    raise  # nobody reads what this prints
                except AWAY as error:
                    self._be_away(error)
                    continue
                if self._away_since is None:
                    time.sleep(max(LOOK_SECONDS, self._look_seconds / LOOKING_SHARE))
        finally:
            self._builds.stop()

    def _step(self) -> None:
        """Look once, and do what is to be done."""
        began = time.monotonic()
        arrived = self._arrivals.look()
        self._look_seconds = time.monotonic() - began
        for file in self._arrivals.open_for_long:
            self._listener.still_open(file)
        self._arrivals.open_for_long.clear()
        if self._away_since is not None or not self._has_asked:
            self._ask_the_server()
        for start in range(0, len(arrived), FILES_AT_ONCE):
            self._land(arrived[start : start + FILES_AT_ONCE])
        self._build()

    def _ask_the_server(self) -> None:
        """Check that the server answers, and once whether a build is due from before this watch."""
        warehouse = read_warehouse(self._settings)
        detect(warehouse.landing)
        if not self._has_asked and is_build_due(warehouse):
            self._builds.note_news()
        self._has_asked = True
        if self._away_since is not None:
            self._listener.back(time.monotonic() - self._away_since)
            self._away_since, self._pause = None, FIRST_PAUSE_SECONDS

    def _land(self, files: Sequence[InputFile]) -> None:
        order = self._order
        warehouse = read_warehouse(self._settings)
        with self._listener.progress() as progress:
            lander = Lander(warehouse, order.kind, progress, order.run_options, order.encoding)
            results = list(zip(files, land_files(lander, files), strict=True))
        through = [(found, result) for found, result in results if result.status != "failed"]
        failed = [(found, result) for found, result in results if result.status == "failed"]
        if any(result.status == "landed" for _, result in through):
            self._builds.note_news()
        for found, _ in through:
            self._arrivals.done(found.file)
        self._listener.landed([result for _, result in through])
        if failed:
            detect(warehouse.landing)  # they fail because the server has gone, too; then they are still to be landed
            self._listener.landed([result for found, result in failed if self._is_news(found.file, result)])

    def _is_news(self, file: Path, result: FileResult) -> bool:
        """Schedule a retry of a failed file; return whether to report it: once for each reason, while it exists."""
        return self._arrivals.failed(file, result.messages) and file.exists()

    def _build(self) -> None:
        ended = self._builds.ended()
        if ended:
            if ended.exit_code:
                self._rebuild_if_the_server_went()
            self._listener.built(ended)
        if self._builds.is_due:
            self._listener.building()
            self._builds.start()

    def _rebuild_if_the_server_went(self) -> None:
        """Raise ServerError, and let another build follow, when a build failed since the server has gone."""
        try:
            detect(read_warehouse(self._settings).dbt)
        except AWAY:
            self._builds.note_news()
            raise

    def _be_away(self, error: Exception) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._listener.away(error)
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
