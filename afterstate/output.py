"""Where a command writes: a file that is there whole or not at all, or straight through what is not a file.

A regular file is replaced once its new content is complete; it keeps its mode and owner, and links are followed. A
device, a pipe and standard output get the content as it comes. Two sorts of files are their owner's alone from their
first byte on: those with passwords, which replace even a link, and those that must be new, which replace nothing.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

STANDARD_OUTPUT = Path("-")
PRIVATE = 0o600
_BUFFER = 1 << 20  # bytes


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
    with _through(out) or _replacing(out.resolve()) as file, _text(file) as text:
        yield text


@contextmanager
def open_new(out: Path) -> Iterator[IO[bytes]]:
    """Open a path for bytes that only their owner may read; a file is on the disk, under its name, when it is whole.

    Raises FileExistsError, at the end, for a file that is there already, and OSError.
    """
    with _through(out) or _replacing(out.resolve(), PRIVATE, is_new=True) as file:
        yield file


def write_private(path: Path, text: str) -> None:
    """Replace a file, or a link, at once, readable by its owner only from its first byte on. Raises OSError."""
    with _replacing(path, PRIVATE) as file:
        file.write(text.encode())


@contextmanager
def _text(file: BinaryIO) -> Iterator[IO[str]]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()  # flushes, and leaves it open


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _through(out: Path) -> AbstractContextManager[BinaryIO] | None:
    """Return how to write through what is not a file; None for what is, or will be, a file."""
    if is_standard_output(out):
        return _standard_output()
    return out.open("wb") if out.exists() and not out.is_file() else None


@contextmanager
def _replacing(target: Path, mode: int | None = None, *, is_new: bool = False) -> Iterator[BinaryIO]:
    """Write beside a file and rename; without a mode, it takes after the file that it replaces."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")  # hidden, so that landing skips what a kill leaves
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
        with os.fdopen(descriptor, "w+b", buffering=_BUFFER) as file:
            if mode is None:
                with suppress(FileNotFoundError):
                    _take_after(descriptor, target.stat())
            yield file
            if is_new:
                file.flush()
                os.fsync(descriptor)
        if is_new:
            os.link(draft, target)  # unlike a rename, it replaces nothing
        else:
            draft.replace(target)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _take_after(descriptor: int, former: os.stat_result) -> None:
    """Set a file's owner, where this account may, and its mode to those of the file that it will replace."""
    with suppress(PermissionError):
        os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode))
