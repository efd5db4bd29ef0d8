"""Where a command writes: a file that is there whole or not at all, or straight through what is not a file.

A regular file is replaced once its new content is complete; it keeps its mode and owner, and links are followed. A
device, a pipe and standard output get the content as it comes. Files with passwords are written by
`profile.write_private`: readable by their owner only, and never through a link.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

STANDARD_OUTPUT = Path("-")


def is_standard_output(out: Path) -> bool:
    """Return whether a path is `-`, or leads to this process's standard output, such as /dev/stdout."""
    if out == STANDARD_OUTPUT:
        return True
    try:
        return os.path.samestat(out.stat(), os.fstat(1))
    except OSError:
        return False


@contextmanager
def open_output(out: Path) -> Iterator[IO[str]]:
    """Open a path for text in UTF-8, written as it is; makes the folder of a new file. Raises OSError."""
    if is_standard_output(out):
        with _standard_output() as file:
            yield file
    elif out.exists() and not out.is_file():
        with out.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        with _replacing(out.resolve()) as file:
            yield file


@contextmanager
def _standard_output() -> Iterator[IO[str]]:
    file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield file
    finally:
        file.detach()  # flushes, and leaves it open


@contextmanager
def _replacing(target: Path) -> Iterator[IO[str]]:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            with suppress(FileNotFoundError):
                _take_after(file.fileno(), target.stat())
            yield file
        draft.replace(target)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _take_after(descriptor: int, former: os.stat_result) -> None:
    """Set a file's owner, where this account may, and its mode to those of the file that it will replace."""
    with suppress(PermissionError):
        os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode))
