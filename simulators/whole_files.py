"""Sets of files that are there whole or not at all: each as afterstate/output.py writes it, when all are complete.

An interrupt could strike between any two steps of cleaning up, so signals that end a process are held while a set is
open: whoever writes asks `stop_if_asked` now and then, and what was held is passed on when the set is closed.
"""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any

from afterstate.output import open_output

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class WholeFiles:
    """A set of text files in one folder, as a context: renamed at its end, removed when it ends in an exception."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []
        self._streams: list[IO[str]] = []
        self._open = ExitStack()
        self._handlers: dict[int, Any] = {}
        self._held: int | None = None

    def __enter__(self) -> WholeFiles:
        self.folder.mkdir(parents=True, exist_ok=True)
        if threading.current_thread() is threading.main_thread():  # only there signals can be held
            for number in _ENDING_SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._hold)
        return self

    def open(self, name: str) -> IO[str]:
        """Begin a file; it appears under its name when all of the set are whole."""
        self.files.append(self.folder / name)
        stream = self._open.enter_context(open_output(self.files[-1]))
        self._streams.append(stream)
        return stream

    def stop_if_asked(self) -> None:
        """Raise KeyboardInterrupt when a signal has been held."""
        if self._held is not None:
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with self._open:
                    for stream in self._streams:  # all are complete before the first is renamed
                        stream.flush()
            else:
                self._open.__exit__(kind, error, trace)
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            if self._held is not None:
                signal.raise_signal(self._held)

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        self._held = number
