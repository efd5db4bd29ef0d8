"""Errors that speak to the user: what was wrong, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

# What to do about a file or folder that the system keeps closed.
READ_PERMISSION = "expected permission to read it, which its owner can give: `chmod a+rX`"


class AfterstateError(Exception):
    """Something that the user can fix.

    `what` says what was wrong and where; `hint` is the next step, usually a command.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self._what = what
        self.hint = hint

    @property
    def what(self) -> str:
        """What was wrong and where, in one line."""
        return self._what

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what


class UsageError(AfterstateError):
    """The command or the environment asks for something that has no meaning; exit code 2."""


class ServerError(AfterstateError):
    """The database server is missing, not running, too old or set up in a way that cannot work."""


class AccountRefused(ServerError):
    """The server is there, and does not know the account or its password."""


Failure = Literal[
    "header",  # it lacks a column that its kind needs, or cannot be read
    "name",  # it contains no run, or a session or run that cannot be kept
    "session",  # its session belongs to another folder
    "encoding",  # its bytes are not of the encoding that it should have
    "damaged",  # what is compressed cannot be decompressed
    "too_long",  # a line is too long to be read, or a row to be sent
    "rejected",  # none of its rows fits
    "changed",  # while it was read
    "busy",  # another loader, or somebody else, holds what it needs
    "connection",  # it was lost
    "interrupted",  # somebody ended the statement
    "no_room",  # on the server's disk, or for temporary files
    "outdated",  # the landing tables are those of an older release
    "server",  # the server refused it for another reason, or did not store what it was sent
]
TRANSIENT: tuple[Failure, ...] = ("changed", "busy", "connection", "interrupted")


class LandingError(AfterstateError):
    """A file could not be landed; nothing of it is visible.

    `reason` says what was wrong, `failure` what kind of failure it is; `file` (as people know it), `line` (1-based) and
    `column` say where, and `kind` what kind of file it is, as far as they are known; else they are None. `causes` are
    the errors of the files when one error speaks for several.
    """

    def __init__(
        self,
        reason: str,
        hint: str = "",
        *,
        failure: Failure,
        file: object = None,
        line: int | None = None,
        column: str | None = None,
        causes: Sequence[LandingError] = (),
    ) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.failure = failure
        self.file = None if file is None else str(file)
        self.line = line
        self.column = column
        self.causes = causes
        self.kind: str | None = None

    @property
    def what(self) -> str:
        """What was wrong and where, for people."""
        places = [self.file, self.line and f"line {self.line}"]
        return ": ".join([*(place for place in places if place), self.reason])

    @property
    def is_transient(self) -> bool:
        """Whether the same landing may succeed when it is run again as it is."""
        return self.failure in TRANSIENT
