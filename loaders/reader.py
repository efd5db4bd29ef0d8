"""A file as records, and records as batches of columns.

A `Record` is one row with its place and its original text. A `Batch` is many of them, turned by columns, so that they
are checked and spelled a column at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BATCH_ROWS = 10_000
BLOCK_BYTES = 4 << 20
FIRST_BLOCK_BYTES = 256 << 10  # each next one is twice as long: the server does not wait long for the first rows
LONGEST_LINE_BYTES = 64 << 20
_SURROGATE = re.compile("[\udc80-\udcff]")


class Bytes(Protocol):
    """What can be read: a file, or its decompressed content."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


class Unreadable(Exception):
    """A file cannot be read to its end; the text is the reason."""


@dataclass(frozen=True)
class Record:
    """One record: its fields, its 1-based number among the records, the 1-based line where it begins."""

    row_no: int
    line_no: int
    fields: list[str]
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Batch:
    """Some rows of a file: their fields as one array a column of the header, numbered as records are.

    `broken` are the records among them whose fields cannot be told or stored; they are in no column. `record` returns
    the row at an index as a record, for those few that have to be looked at one by one.
    """

    columns: Sequence[Any]  # pa.StringArray, each as long as `row_no`
    row_no: NDArray[np.int64]
    line_no: NDArray[np.int64]
    broken: list[Record]
    record: Callable[[int], Record]

    def parts(self, rows: int) -> Iterator[Batch]:
        """Yield the batch in parts of at most so many rows."""
        if len(self.row_no) <= rows:
            yield self
            return
        for start in range(0, len(self.row_no), rows):
            part = slice(start, start + rows)
            yield Batch(
                [column[part] for column in self.columns],
                self.row_no[part],
                self.line_no[part],
                [] if start else self.broken,
                lambda index, start=start: self.record(start + index),  # type: ignore[misc]
            )


@dataclass(frozen=True)
class Reading:
    """A file being read: the columns that it states, and its rows."""

    header: list[str]
    batches: Iterator[Batch]


def batches_of(found: Iterable[Record], width: int) -> Iterator[Batch]:
    """Yield records in batches; those that have not `width` fields, or cannot be stored, are broken."""
    records = iter(found)
    while taken := list(islice(records, BATCH_ROWS)):
        sound = [record for record in taken if _is_sound(record, width)]
        broken = [record for record in taken if not _is_sound(record, width)] if len(sound) < len(taken) else []
        columns = zip(*(record.fields for record in sound), strict=True) if sound else [()] * width
        yield Batch(
            [pa.array(column, pa.string()) for column in columns],
            np.array([record.row_no for record in sound], np.int64),
            np.array([record.line_no for record in sound], np.int64),
            broken,
            sound.__getitem__,
        )


def read_blocks(stream: Bytes, longest_line: int = LONGEST_LINE_BYTES) -> Iterator[tuple[bytes, bool]]:
    """Yield a file in blocks that end where a line does, and whether a block is the last; one may be empty.

    Raises Unreadable when a line has more bytes than `longest_line`.
    """
    rest, size = b"", min(FIRST_BLOCK_BYTES, BLOCK_BYTES)
    while read := stream.read(size):
        size = min(2 * size, BLOCK_BYTES)
        block = rest + read
        # of a CR at the block's very end nobody knows yet whether a LF follows
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
        if end:
            yield block[:end], False
        elif len(block) >= longest_line:
            raise Unreadable(f"a line is longer than {longest_line >> 20} MiB")
        rest = block[end:]
    yield rest, True


def read_lines(stream: Bytes) -> Iterator[bytes]:
    """Yield a file's lines, each with its end; raises Unreadable as `read_blocks` does."""
    for block, _ in read_blocks(stream):
        yield from block.splitlines(keepends=True)


def _is_sound(record: Record, width: int) -> bool:
    return not record.problem and len(record.fields) == width and not unprintable(record.text)


def unprintable(text: str, encoding: str = "UTF-8") -> str | None:
    """Return why a text cannot be stored as it is (NUL, or bytes outside the encoding); None when it can."""
    if "\udc00" in text or "\0" in text:
        return "holds a NUL byte, which is not text"
    found = _SURROGATE.search(text)
    return f"holds the byte 0x{ord(found.group()) - 0xDC00:02X}, which is not {encoding}" if found else None


def printable(text: str) -> str:
    r"""Escape what cannot be stored as \xNN, so that a reject keeps all of its original text."""
    return re.sub("[\udc00-\udcff]", _escape_byte, text.replace("\0", "\udc00"))


def _escape_byte(found: re.Match[str]) -> str:
    return f"\\x{ord(found.group()) - 0xDC00:02x}"


def visible(text: str) -> str:
    """Escape line breaks, odd blanks and a terminal's control characters, for a message of one line."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
