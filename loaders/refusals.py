"""What a database driver raises while a file lands, as a LandingError: what it means, and what to do next."""

from __future__ import annotations

from typing import NamedTuple

import pymysql
from sqlalchemy.exc import DBAPIError

from afterstate.errors import Failure, LandingError

DriverError = (DBAPIError, pymysql.MySQLError)
# Two loaders may wait for each other's locks; the server then ends one of them, which starts again.
DEADLOCK = 1213
AGAIN = "run the same command again"


class _Refusal(NamedTuple):
    failure: Failure
    hint: str


_BUSY = _Refusal("busy", AGAIN)
_NO_ROOM = _Refusal("no_room", f"make room on the server's disk (`afterstate prune` may help), then {AGAIN}")
_REFUSALS = {
    DEADLOCK: _BUSY,
    1205: _BUSY,  # waited too long for a lock
    1317: _Refusal("interrupted", f"somebody ended it, an administrator perhaps; {AGAIN}"),
    1054: _Refusal("outdated", "`afterstate up` upgrades what an older Afterstate made"),  # unknown column
    1114: _NO_ROOM,  # a table is full
    1021: _NO_ROOM,  # the disk is
    3675: _NO_ROOM,  # a log's disk is
}
_UNKNOWN = _Refusal("server", "`afterstate doctor` finds what is wrong")
# PyMySQL's codes for a connection that ended: gone away, lost during a query, and already closed.
_CONNECTION_LOST = (2006, 2013, 0)


def code_of(error: Exception) -> int | None:
    """Return the code of what a driver raised; None when it has none."""
    cause = _cause(error)
    return cause.args[0] if cause.args else None


def refused(error: Exception, shown: str) -> LandingError:
    """Return the LandingError for what a driver raised; `shown` is what messages call the file."""
    if code_of(error) in _CONNECTION_LOST:
        # It may have been lost on the answer to COMMIT: then all of the file is there, and landing it again says so.
        return LandingError(
            "the connection to the server was lost; nothing half-done is visible",
            f"`afterstate status` shows whether it runs, `afterstate up` starts the private one; then {AGAIN}",
            failure="connection",
            file=shown,
        )
    cause = _cause(error)
    failure, hint = _REFUSALS.get(code_of(error) or 0, _UNKNOWN)
    said = cause.args[-1] if cause.args else error
    return LandingError(f"the server said: {said}; nothing of it was landed", hint, failure=failure, file=shown)


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
