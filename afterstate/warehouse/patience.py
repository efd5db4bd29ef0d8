"""Connections that have gone silent: waited for as long as the server is at work for us, and no longer.

A statement may take hours, one of them waiting for another loader's lock. A tunnel whose far end is gone, a proxy or a
firewall that dropped the connection is just as silent, and TCP's keepalive notices none of them. So the server is asked
over another connection what ours is doing: if it does not know ours, or waits for our next statement, the answer is
lost. Our connection is then ended on the server too, since it may hold locks.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, TypeVar

import pymysql

from afterstate.errors import AfterstateError

PATIENCE_SECONDS = 60.0  # how long a connection may be silent before the server is asked
ASKED_TWICE = 2  # the answer may have been on its way when the server was asked
WAITS_FOR_US = ("Sleep", "Killed")  # as the servers' process lists say it
T = TypeVar("T")


def be_patient(opened: Any, reopen: Callable[[], Any]) -> None:
    """Let a PyMySQL connection that has logged in wait as described above; `reopen` opens another one."""
    opened._sock = _PatientSocket(opened._sock, _Vigil(opened.thread_id(), reopen))
    opened._rfile = io.BufferedReader(_Stream(opened._sock))
    opened._read_timeout = opened._write_timeout = PATIENCE_SECONDS


class _Vigil:
    """What the server says of a connection, by its number in the process list."""

    def __init__(self, number: int, reopen: Callable[[], Any]) -> None:
        self._number = number
        self._reopen = reopen

    def is_at_work(self) -> bool:
        """Return whether the server is at work; True behind a pooler, whose own numbers hide that."""
        try:
            with closing(self._reopen()) as other, other.cursor() as ask:
                ask.execute(
                    "select id, command from information_schema.processlist where id in (%s, %s)",
                    (self._number, other.thread_id()),
                )
                commands = dict(ask.fetchall())
                if other.thread_id() not in commands:
                    return True
        except (AfterstateError, pymysql.MySQLError):
            return False
        return commands.get(self._number, WAITS_FOR_US[0]) not in WAITS_FOR_US

    def end(self) -> None:
        """End the connection on the server, as far as it is there."""
        with suppress(AfterstateError, pymysql.MySQLError), closing(self._reopen()) as other, other.cursor() as ask:
            ask.execute(f"kill {int(self._number)}")


class _PatientSocket:
    """A socket that waits, longer than its time limit, for a server that is at work."""

    def __init__(self, socket: Any, vigil: _Vigil) -> None:
        self._socket = socket
        self._vigil = vigil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv_into(self, buffer: Any) -> int:
        """Receive some bytes, none at the end. Raises TimeoutError when none will come."""
        return self._patiently(lambda: int(self._socket.recv_into(buffer)))

    def sendall(self, data: Any) -> None:
        """Send all bytes. Raises TimeoutError when the server no longer takes any."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._patiently(lambda: int(self._socket.send(rest))) :]  # noqa: B023 (called at once)

    def _patiently(self, act: Callable[[], T]) -> T:
        idle = 0
        while True:
            try:
                return act()
            except TimeoutError:
                idle = 0 if self._vigil.is_at_work() else idle + 1
                if idle == ASKED_TWICE:
                    self._vigil.end()
                    raise


class _Stream(io.RawIOBase):
    """What a socket receives, for a buffer."""

    def __init__(self, socket: _PatientSocket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into a buffer, none at the end."""
        return self._socket.recv_into(buffer)
