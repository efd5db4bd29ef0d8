"""What has arrived in a folder: its whole files that nobody has dealt with yet, oldest first.

Looked at again and again, not told by the system: a notification says that something happened to a file, never that its
producer has finished, and there is none for what other machines write to a share.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from afterstate.watch.whole import Look, is_being_written, is_named_unfinished
from loaders.find import find_files
from loaders.runs import InputFile

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 600.0
WORD_AFTER_SECONDS = 60.0  # of quiet, for a file that somebody still has open


@dataclass
class _Seen:
    """One file: how it looks, since when, and what became of it."""

    look: Look
    since: float
    is_done: bool = False
    retry_at: float = 0.0
    retry_seconds: float = FIRST_RETRY_SECONDS
    said: set[str] = field(default_factory=set)


class Arrivals:
    """The files of one folder, over time; `settle_seconds` is how long a whole file has been quiet."""

    def __init__(self, folder: Path, settle_seconds: float) -> None:
        self._folder = folder
        self._settle_seconds = settle_seconds
        self._seen: dict[Path, _Seen] = {}
        self.open_for_long: list[Path] = []  # quiet, but open for writing; each is in it once

    def look(self) -> list[InputFile]:
        """Return the whole files that are not dealt with, in the order in which they were written.

        Raises OSError when the folder cannot be read.
        """
        now = time.monotonic()
        self._folder.stat()  # one that is gone has no files, but that is not what is wrong
        found = {each.file: each for each in find_files([self._folder])}
        self._seen = {file: seen for file, seen in self._seen.items() if file in found}
        ready = [file for file in found if self._is_ready(file, now)]
        return [found[file] for file in sorted(ready, key=lambda file: (self._seen[file].look.time_ns, file))]

    def done(self, file: Path) -> None:
        """Leave a file alone until it changes."""
        self._seen[file].is_done = True

    def failed(self, file: Path, messages: Sequence[str]) -> bool:
        """Schedule another look at a file, later each time; return whether this failure is a new one."""
        seen = self._seen[file]
        seen.retry_at = time.monotonic() + seen.retry_seconds
        seen.retry_seconds = min(2 * seen.retry_seconds, LONGEST_RETRY_SECONDS)
        text = "\n".join(messages)
        is_new = text not in seen.said
        seen.said.add(text)
        return is_new

    def _is_ready(self, file: Path, now: float) -> bool:
        try:
            look = Look.of(file)
        except OSError:  # it has gone again
            self._seen.pop(file, None)
            return False
        seen = self._seen.get(file)
        if not seen or seen.look != look:
            self._seen[file] = _Seen(look, now, is_done=is_named_unfinished(file) or not look.size)
            return False
        if seen.is_done or now < seen.retry_at or now - seen.since < self._settle_seconds:
            return False
        try:
            is_written = is_being_written(file)
        except OSError:  # landing says why it cannot be read
            return True
        if is_written and now - seen.since > WORD_AFTER_SECONDS and not seen.said:
            seen.said.add("open")
            self.open_for_long.append(file)
        return not is_written
