"""A CSV file as batches of rows.

A BOM, CRLF, line breaks inside quotes and any UTF-8 text are normal. Lines of nothing but blanks are not records, as in
pandas. What is not CSV (a quote that never closes, say) is still a record, with the reason, so that no line is ever
lost. Bytes that are not UTF-8 travel as surrogates and are named by `unprintable`.

There are two ways to the same batches. A block of plain lines, each of them a row, is parsed by Arrow as a whole; a
block with anything odd in it by `csv`, record by record. A property test holds the two together.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from loaders.reader import Batch, Bytes, Reading, Record, Unreadable, batches_of, read_blocks

# csv's own limit on a field is 128 KiB; LONGTEXT, where unknown columns and rejects go, takes what fits in a packet.
csv.field_size_limit(2**31 - 1)

# How far a record may run on over line breaks. A quote that does not close within it opens nothing: it is a slip, and
# the lines below it are rows.
LONGEST_RECORD_BYTES = 16 << 20
LONGEST_HEADER_LINE_BYTES = 4 << 20  # somebody else's huge file without a line break is not read to its end
_BLANKS = b" \t\r\n"
_QUOTED_FIELD = re.compile(rb'(?<![^,\n])"[^"\r\n]*(?:""[^"\r\n]*)*"(?=[,\r\n])')


def read(stream: Bytes) -> Reading:
    """Read a CSV file. Raises Unreadable, then or in a batch, when a line is too long."""
    blocks = _blocks(stream)
    for found, is_last in _beginnings(blocks):
        header = next(found, None)
        if header:
            rows = chain([(found.rest, is_last)], blocks)
            return Reading(header.fields, _batches(rows, len(header.fields), found.row_no, found.line_no))
    return Reading([], iter(()))


def read_header(stream: Bytes) -> Record | None:
    """Return a file's first record, None when it has none; one that is too long to be a header has that problem."""
    headers = (next(found, None) for found, _ in _beginnings(_blocks(stream, LONGEST_HEADER_LINE_BYTES)))
    try:
        return next(filter(None, headers), None)
    except Unreadable as error:
        return Record(0, 1, [], "", str(error))


def records(content: bytes) -> Iterator[Record]:
    """Yield the records of a small file; number 0 is the header."""
    return _Records(content.removeprefix(BOM_UTF8), 0, 1, is_last=True)


def _blocks(stream: Bytes, *longest_line: int) -> Iterator[tuple[bytes, bool]]:
    for number, (block, is_last) in enumerate(read_blocks(stream, *longest_line)):
        yield block if number else block.removeprefix(BOM_UTF8), is_last


def _beginnings(blocks: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[_Records, bool]]:
    """Yield the file's beginning, ever longer, as records, and whether it is all of the file."""
    found = _Records(b"", 0, 1, is_last=False)
    for block, is_last in blocks:
        found = _Records(found.rest + block, 0, found.line_no, is_last)
        yield found, is_last


def _batches(blocks: Iterable[tuple[bytes, bool]], width: int, row_no: int, line_no: int) -> Iterator[Batch]:
    carried = b""  # the beginning of a record that goes on in the next block
    for read_block, is_last in blocks:
        block = carried + read_block
        batch = _plain_batch(block, width, row_no, line_no)
        if batch:
            carried = b""
            row_no += len(batch.row_no) + len(batch.broken)
            line_no += block.count(b"\n")
            yield batch
        else:
            found = _Records(block, row_no, line_no, is_last)
            yield from batches_of(found, width)
            carried, row_no, line_no = found.rest, found.row_no, found.line_no


def _plain_batch(block: bytes, width: int, row_no: int, line_no: int) -> Batch | None:
    """Parse a block in which every line is a row by itself; None for any other block."""
    if width == 1 or not _is_plain(block):  # of one column, a line of blanks is a row to Arrow
        return None
    try:
        table, skipped = _parse(block, width)
    except pa.ArrowInvalid:  # nothing but blank lines
        return None
    ends: Any = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    begins = np.concatenate(([0], ends[:-1] + 1))
    if b"\r" in block:
        ends = ends - (np.frombuffer(block, np.uint8)[ends - 1] == ord("\r"))
    lines = np.flatnonzero(begins < ends)  # where Arrow sees a row
    if len(table) + len(skipped) != len(lines):
        return None
    odd = [int(lines[number]) for number in skipped]
    broken = [line for line in odd if block[begins[line] : ends[line]].strip(_BLANKS)]
    blank = sorted(set(odd) - set(broken))
    is_row = np.zeros(len(ends), np.int64)
    is_row[lines] = 1
    is_row[blank] = 0
    row_numbers = row_no - 1 + np.cumsum(is_row)
    rows = np.delete(lines, skipped)

    def record(line: int) -> Record:
        text = block[begins[line] : ends[line]].decode()
        return Record(int(row_numbers[line]), line_no + int(line), next(csv.reader([text], strict=True)), text)

    return Batch(
        [column.combine_chunks() for column in table.columns],
        row_numbers[rows],
        rows + line_no,
        [record(line) for line in broken],
        lambda index: record(rows[index]),
    )


def _parse(block: bytes, width: int) -> tuple[Any, list[int]]:
    """Return a block's rows as a table of texts, and the numbers of those that have another number of fields."""
    names = [str(number) for number in range(width)]  # those of the header may be there twice
    skipped: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        return "skip"

    table = arrow_csv.read_csv(
        pa.py_buffer(block),
        arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
        arrow_csv.ParseOptions(ignore_empty_lines=True, invalid_row_handler=skip),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    return table, skipped


def _is_plain(block: bytes) -> bool:
    """Return whether each line break ends a row, and each quote opens or closes a field or is doubled inside one."""
    return (
        block.endswith(b"\n")
        and (block.isascii() or _is_utf8(block))
        and b"\0" not in block
        and (b"\r" not in block or block.count(b"\r") == block.count(b"\r\n"))
        and not block.startswith(BOM_UTF8)  # which Arrow would take off, also in the middle of a file
        and (b'"' not in block or b'"' not in _QUOTED_FIELD.sub(b"", block))
    )


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Records:
    """The records of a block, by `csv`.

    At the end, `row_no` and `line_no` are those of what would follow, and `rest` is what was not used: the beginning of
    a record that goes on behind the block, unless the block is the last.
    """

    def __init__(self, block: bytes, row_no: int, line_no: int, is_last: bool) -> None:
        self._lines = block.splitlines(keepends=True)  # of bytes: at CR, LF and CRLF only
        self._is_last = is_last
        self._used = 0  # lines of records that were given
        self._taken: list[str] = []  # lines of the record being read
        self._amiss = 0  # up to this line, a quote that is open at a line's beginning is known to end badly
        self._problem = ""
        self._reader = csv.reader(self._texts(), strict=True)
        self.row_no, self.line_no = row_no, line_no

    @property
    def rest(self) -> bytes:
        return b"".join(self._lines[self._used :])

    def __iter__(self) -> _Records:
        return self

    def __next__(self) -> Record:
        while True:
            problem, fields = "", []
            try:
                fields = next(self._reader)
            except csv.Error as error:
                if str(error) == _UNCLOSED and not self._is_last and len(self.rest) < LONGEST_RECORD_BYTES:
                    raise StopIteration from None
                # Where quotes are amiss, nobody knows what the lines below belong to. Each that is a row by itself is
                # one: a single stray quote costs its own line, and not all until the next quote.
                problem = self._problem = _PROBLEMS.get(str(error), str(error))
                self._amiss = self._used + len(self._taken)
                del self._taken[1:]
            except _EndsBadly:
                problem = self._problem
            text, lines = "".join(self._taken), len(self._taken)
            self._taken.clear()
            record = Record(self.row_no, self.line_no, fields, text.rstrip("\r\n"), problem)
            self._used += lines
            self.line_no += lines
            if problem:
                self._reader = csv.reader(self._texts(), strict=True)  # the old one is inside of a field
            if text.strip(_BLANKS.decode()):
                self.row_no += 1
                return record

    def _texts(self) -> Iterator[str]:
        """Yield lines to a csv.reader that begins where the records so far end."""
        for at in range(self._used, len(self._lines)):
            if self._taken and at < self._amiss:
                raise _EndsBadly
            text = self._lines[at].decode("utf-8", "surrogateescape")
            self._taken.append(text)
            # Python 3.10's csv refuses NUL, later ones pass it on; here it always is, to be rejected with its row.
            yield text.replace("\0", "\udc00") if "\0" in text else text


class _EndsBadly(Exception):
    """A quote goes on into a line through which an earlier one went on, and did not close as it should."""


_UNCLOSED = "unexpected end of data"
_PROBLEMS = {
    _UNCLOSED: "a quote opens here and never closes",
    "',' expected after '\"'": "text follows a closing quote; expected a comma, or the quote doubled",
}
