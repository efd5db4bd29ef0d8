"""Temporary files that landing writes: what comes through a pipe, and rejects on their way to the server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from afterstate.errors import LandingError


@contextmanager
def no_room_for_temporary_files(shown: str) -> Iterator[None]:
    """Turn an OSError of the block, which writes a temporary file, into a LandingError.

    `shown` is the file that is being landed, which is not to blame.
    """
    try:
        yield
    except OSError as error:
        raise LandingError(
            f"no temporary file can be written in {tempfile.gettempdir()}: {error.strerror or error}",
            "make room there, or name another folder in TMPDIR, then run the same command again",
            failure="no_room",
            file=shown,
        ) from error
