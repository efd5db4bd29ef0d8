"""The bytes of a file as its producer meant them: decompressed, in UTF-8, hashed and watched as they are read.

A file is compressed when its first bytes say so, whatever its name is. It is known by what is in it: `trace.csv`,
`trace.csv.gz` and the same text in an encoding that the user names are the same content, and land once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pyarrow as pa

from afterstate.errors import LandingError
from loaders.encoding import Decoder

READ_BYTES = 4 << 20
# The first bytes of a gzip member (RFC 1952), and of a zstd frame or one that is to be skipped (RFC 8878).
COMPRESSIONS = {
    re.compile(rb"\x1f\x8b"): "gzip",
    re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"): "zstd",
}
SUFFIXES = (".gz", ".zst")

Progress = Callable[[Path, int, int], None]  # file, bytes read, bytes in all


class Content:
    """A file's content while it is read, its hash and its size in bytes so far; `encoding` is None for UTF-8."""

    def __init__(self, file: Path, raw: FileIO, progress: Progress | None = None, encoding: str | None = None) -> None:
        self._file = file
        self._raw = raw
        self._raw_bytes = file.stat().st_size
        self._progress = progress
        self._compression = _compression(raw)
        self._stream: Any = raw
        if self._compression:
            self._stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), self._compression)
        self._decoder = Decoder(file, encoding) if encoding else None
        self._ahead = b""  # what was looked at and is still to be read
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._sha256.hexdigest()

    def read(self, size: int = READ_BYTES) -> bytes:
        """Return the next bytes, none at the end.

        Raises LandingError when the file grows while it is read, which might never end, and when it is damaged.
        """
        block = raw = self._read_raw(size)
        if self._decoder:
            block = self._decoder.decode(raw)
            while raw and not block:  # a character has not ended
                raw = self._read_raw(size)
                block = self._decoder.decode(raw)
        self._sha256.update(block)
        self.bytes += len(block)
        return block

    def peek(self, size: int) -> bytes:
        """Return the first bytes of what is read next, decompressed, as the file has them; they are still to be read.

        Raises LandingError as `read` does.
        """
        self._ahead = self._read_raw(size)
        return self._ahead

    def _read_raw(self, size: int) -> bytes:
        if self._ahead:
            block, self._ahead = self._ahead[:size], self._ahead[size:]
            return block
        return self._read_next(size)

    def _read_next(self, size: int) -> bytes:
        try:
            block: bytes = self._stream.read(size)
        except OSError as error:
            if error.errno or not self._compression:
                raise
            raise LandingError(
                f"its {self._compression} data cannot be decompressed: {error}",
                "the file is damaged or was cut short; nothing of it was landed: get it again, then land it",
                failure="damaged",
                file=self._file,
            ) from error
        position = self._raw.tell()
        if position > self._raw_bytes:
            raise changed(self._file)
        if self._progress:
            self._progress(self._file, position, self._raw_bytes)
        return block


def changed(file: object) -> LandingError:
    """Return the error for a file that is not what it was a moment ago."""
    return LandingError(
        "the file changed while it was read; nothing of it was landed",
        "land it again when its producer has finished",
        failure="changed",
        file=file,
    )


@contextmanager
def open_content(file: Path, progress: Progress | None = None, encoding: str | None = None) -> Iterator[Content]:
    """Open a file's content from its beginning, decompressed and in UTF-8.

    `progress` is called with the file, the bytes of it that were read, and its size; `encoding` is one that
    `known_encoding` returned, None for UTF-8. Raises OSError when the file cannot be opened.
    """
    with file.open("rb", buffering=0) as raw:
        yield Content(file, raw, progress, encoding)


def hash_file(file: Path) -> str:
    """Read a file and return the SHA-256 of its content, in hex; raises LandingError as `Content.read` does."""
    with open_content(file) as content:
        while content.read():
            pass
        return content.sha256


def plain_name(file: Path) -> str:
    """Return a file's name without the ending of its compression."""
    return file.stem if file.suffix in SUFFIXES else file.name


def _compression(raw: FileIO) -> str | None:
    beginning = raw.read(4)
    raw.seek(0)
    return next((name for magic, name in COMPRESSIONS.items() if magic.match(beginning)), None)
