"""Whether a file is whole: its producer has finished with it, as far as anybody can tell.

It has been quiet (same size, time and inode) for a while, and nobody has it open for writing. The second is known where
the kernel grants leases: Linux, on its own file systems (fcntl(2): a read lease is refused while a file is open for
writing). On a network share there is only the first, so a producer that pauses for longer must write under another name
and rename.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from dataclasses import dataclass
from pathlib import Path

# What producers, browsers and copying tools call a file that is not finished.
UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", "~")


@dataclass(frozen=True)
class Look:
    """What a file looks like from outside; a file that is written to, or replaced, looks different."""

    size: int
    time_ns: int
    inode: int

    @classmethod
    def of(cls, file: Path) -> Look:
        """Look at a file. Raises OSError when it is not there."""
        status = file.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


def is_named_unfinished(file: Path) -> bool:
    """Return whether a file's name says that it is unfinished."""
    return file.name.lower().endswith(UNFINISHED_SUFFIXES)


def is_being_written(file: Path) -> bool:
    """Return whether somebody has a file open for writing; False where the kernel does not say.

    Whoever opens the file in this very moment makes the kernel send SIGIO, which `watch` ignores. Raises OSError when
    the file cannot be opened.
    """
    if not hasattr(fcntl, "F_SETLEASE"):  # macOS
        return False
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def ignore_broken_leases() -> None:
    """Ignore SIGIO, which the kernel sends when somebody opens a file with a lease of ours."""
    if hasattr(signal, "SIGIO"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)
