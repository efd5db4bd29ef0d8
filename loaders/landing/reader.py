"""A CSV file as records, each with its place and its original text.

A BOM, CRLF, line breaks inside quotes and any UTF-8 text are normal. Lines of nothing but blanks are no records, as in
pandas. What is no CSV (a quote that never closes, say) is still a record, with the reason, so that no line is ever
lost. Bytes that are no UTF-8 travel as surrogates and are named by `unprintable`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO

# csv's own limit on a field is 128 KiB; LONGTEXT, where unknown columns and rejects go, takes what fits in a packet.
csv.field_size_limit(2**31 - 1)

_BLANKS = " \t\r\n"
_SURROGATE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Record:
    """One record: its fields, its 1-based number among the records, the 1-based line where it begins."""

    row_no: int
    line_no: int
    fields: list[str]
    text: str
    problem: str = ""


class _Lines:
    """Lines on their way to csv.reader; keeps those of the record being read."""

    def __init__(self, stream: TextIOWrapper) -> None:
        self._stream = stream
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        self.taken.append(line)
        # Python 3.10's csv refuses NUL, later ones pass it on; here it always is, to be rejected with its row.
        return line.replace("\0", "\udc00") if "\0" in line else line


def records(stream: IO[bytes]) -> Iterator[Record]:
    """Yield the records of a CSV file; number 0 is the header."""
    lines = _Lines(TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=""))
    reader = csv.reader(lines, strict=True)
    row_no, line_no = 0, 1
    while True:
        problem, fields = "", []
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = _PROBLEMS.get(str(error), str(error))
            reader = csv.reader(lines, strict=True)  # after an error, the old one is inside of a field
        taken, lines.taken = lines.taken, []
        text = "".join(taken)
        if text.strip(_BLANKS):
            yield Record(row_no, line_no, fields, text.rstrip("\r\n"), problem)
            row_no += 1
        line_no += len(taken)


_PROBLEMS = {
    "unexpected end of data": "a quote opens here and never closes; the row takes the rest of the file",
    "',' expected after '\"'": "text follows a closing quote; expected a comma, or the quote doubled",
}


def unprintable(text: str) -> str | None:
    """Say why a text cannot be stored as it is: a NUL, or bytes that are not UTF-8; None when it can."""
    if "\udc00" in text or "\0" in text:
        return "holds a NUL byte, which is no text"
    found = _SURROGATE.search(text)
    return f"holds the byte 0x{ord(found.group()) - 0xDC00:02X}, which is not UTF-8" if found else None


def printable(text: str) -> str:
    r"""Spell what cannot be stored as \xNN, so that a reject keeps all of its original text."""
    return re.sub("[\udc00-\udcff]", _spell_byte, text.replace("\0", "\udc00"))


def _spell_byte(found: re.Match[str]) -> str:
    return f"\\x{ord(found.group()) - 0xDC00:02x}"
