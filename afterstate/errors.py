"""Errors that speak to the user: what was wrong, and what to do next."""

from __future__ import annotations


class AfterstateError(Exception):
    """Something that the user can mend.

    `what` says what was wrong and where; `hint` is the next step, usually a command.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what


class UsageError(AfterstateError):
    """The command or the environment asks for something that has no meaning; exit code 2."""


class ServerError(AfterstateError):
    """The database server is missing, not running, too old or set up in a way that cannot work."""


class AccountRefused(ServerError):
    """The server is there, and does not know the account or its password."""


class LandingError(AfterstateError):
    """A file could not be landed; nothing of it is visible."""
