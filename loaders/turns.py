"""The order of files that land side by side, so that they end as if each had waited for the one before.

Files are read and sent to the server at the same time, each in a transaction of its own, but take turns twice. They
open in order, because when several loads have the same key, the one with the highest id wins. Those of a kind close in
order, because one that is cut off and landed again must not come after one that followed it.

There is no deadlock: an open file waits only for earlier files of its kind, and the first of those waits for none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

from afterstate.warehouse.connect import LandingConnection
from loaders.runs import NO_RUN, Run


class Stopped(Exception):
    """The user has asked for an end."""


class Turns:
    """A queue of files; those that have ended are no longer in it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turns: list[Turn] = []
        self._is_stopped = False

    def take(self) -> Turn:
        """Return a new turn, behind all others."""
        with self._changed:
            turn = Turn(self)
            self._turns.append(turn)
            return turn

    def stop(self) -> None:
        """End all landings, wherever they are: the server takes back what was not committed."""
        with self._changed:
            self._is_stopped = True
            for turn in self._turns:
                if turn.connection:
                    turn.connection.cut()
            self._changed.notify_all()

    def raise_if_stopped(self) -> None:
        """Raise Stopped when the user has asked to stop."""
        if self._is_stopped:
            raise Stopped

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change a turn, and wake those who wait."""
        with self._changed:
            self.raise_if_stopped()
            yield
            self._changed.notify_all()

    def wait(self, turn: Turn, is_in_the_way: Callable[[Turn], bool]) -> None:
        """Wait until none of the files before this one is in the way; raises Stopped when the user has stopped it."""

        def is_free() -> bool:
            earlier = takewhile(lambda other: other is not turn, self._turns)
            return self._is_stopped or not any(is_in_the_way(other) for other in earlier)

        with self._changed:
            self._changed.wait_for(is_free)
            self.raise_if_stopped()

    def end(self, turn: Turn) -> None:
        """Remove a turn, and wake those who wait for it."""
        with self._changed:
            self._turns.remove(turn)
            self._changed.notify_all()


class Turn:
    """One file's turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._has_opened = False
        self._is_waited_for = True
        self._kind: str | None = None
        self._run = NO_RUN
        self.connection: LandingConnection | None = None
        self.load_id: int | None = None  # a file that has to begin again keeps it, and its place in the order

    def raise_if_stopped(self, *_: object) -> None:
        """Raise Stopped when the user has asked to stop."""
        self._turns.raise_if_stopped()

    @contextmanager
    def connected(self, connection: LandingConnection) -> Iterator[None]:
        """Lend the connection, so that it can be cut while a statement takes its time."""
        with self._turns.changing():
            self.connection = connection
        try:
            yield
        finally:
            self.connection = None

    @contextmanager
    def opening(self, kind: str, run: Run) -> Iterator[None]:
        """Wait until all earlier files have opened; the later ones wait for this one meanwhile.

        An earlier file that gives the session to another folder, and may yet fail, has ended by then. Raises Stopped
        when the user has asked to stop.
        """
        self._turns.wait(self, lambda other: not other._has_opened or other._moves_session(run))
        yield
        with self._turns.changing():
            self._has_opened, self._kind, self._run = True, kind, run

    def _moves_session(self, run: Run) -> bool:
        is_same = self._run.session_id == run.session_id != ""
        return self._is_waited_for and is_same and self._run.folder != run.folder

    def wait_to_close(self) -> None:
        """Wait until all earlier files of the kind have ended."""
        self._turns.wait(self, lambda other: other._is_waited_for and other._kind == self._kind)

    def give_up_place(self) -> None:
        """Let later files go ahead: they may hold what this file needs."""
        with self._turns.changing():
            self._is_waited_for = False

    @contextmanager
    def until_done(self) -> Iterator[None]:
        """End the turn after the block, whatever became of the file."""
        try:
            yield
        finally:
            self._turns.end(self)
