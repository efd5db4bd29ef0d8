"""Connections that have gone silent: wait for as long as the server is working for us, and no longer.

A statement may take hours, one of them waiting for another loader's lock. A tunnel whose far end is gone, a proxy or a
firewall that dropped the connection is just as silent, and TCP's keepalive notices none of them. So a second
connection asks the server what the first one is doing: if the server does not know it, or is waiting for its next
statement, the answer was lost. The first connection is then ended on the server too, since it may hold locks.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, TypeVar

import pymysql

from afterstate.errors import AfterstateError

SILENCE_SECONDS = 60.0  # how long a connection may be silent before the server is asked
ASKED_TWICE = 2  # the answer may have been on its way when the server was asked
WAITS_FOR_US = ("Sleep", "Killed")  # as the servers' process lists say it
T = TypeVar("T")


def check_liveness(opened: Any, reopen: Callable[[], Any]) -> None:
    """Make a PyMySQL connection check the server after SILENCE_SECONDS of silence.

    `reopen` opens the second connection, with the same credentials.
    """
    opened._sock = _CheckedSocket(opened._sock, _ServerView(opened.thread_id(), reopen))
    opened._rfile = io.BufferedReader(_Stream(opened._sock))
    opened._read_timeout = opened._write_timeout = SILENCE_SECONDS


class _ServerView:
    """What the server knows about a connection, by its number in the process list."""

    def __init__(self, number: int, reopen: Callable[[], Any]) -> None:
        self._number = number
        self._reopen = reopen

    def is_at_work(self) -> bool:
        """Return whether the server is at work; True behind a pooler, whose own numbers hide that."""
        try:
            with closing(self._reopen()) as other, other.cursor() as cursor:
                cursor.execute(
                    "select id, command from information_schema.processlist where id in (%s, %s)",
                    (self._number, other.thread_id()),
                )
                commands = dict(cursor.fetchall())
                if other.thread_id() not in commands:
                    return True
        except (AfterstateError, pymysql.MySQLError):
            return False
        return commands.get(self._number, WAITS_FOR_US[0]) not in WAITS_FOR_US

    def end(self) -> None:
        """End the connection on the server, as far as it is there."""
        with suppress(AfterstateError, pymysql.MySQLError), closing(self._reopen()) as other, other.cursor() as cursor:
            cursor.execute(f"kill {int(self._number)}")


class _CheckedSocket:
    """A socket that waits beyond its timeout as long as the server is at work."""

    def __init__(self, socket: Any, view: _ServerView) -> None:
        self._socket = socket
        self._view = view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv_into(self, buffer: Any) -> int:
        """Receive some bytes, none at the end. Raises TimeoutError when none will come."""
        return self._until_lost(lambda: int(self._socket.recv_into(buffer)))

    def sendall(self, data: Any) -> None:
        """Send all bytes. Raises TimeoutError when the server no longer takes any."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._until_lost(lambda: int(self._socket.send(rest))) :]  # noqa: B023 (called at once)

    def _until_lost(self, act: Callable[[], T]) -> T:
        idle = 0
        while True:
            try:
                return act()
            except TimeoutError:
                idle = 0 if self._view.is_at_work() else idle + 1
                if idle == ASKED_TWICE:
                    self._view.end()
                    raise


class _Stream(io.RawIOBase):
    """What a socket receives, for a buffer."""

    def __init__(self, socket: _CheckedSocket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into a buffer, none at the end."""
        return self._socket.recv_into(buffer)
