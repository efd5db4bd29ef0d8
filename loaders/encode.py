"""Records as lines for LOAD DATA: checked, typed, serialized; and those that do not fit, with the reason.

The format is that of `LOAD_FORMAT`: commas, text in quotes with quotes doubled, bare NULL, no escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loaders.kinds import Kind
from loaders.reader import Batch, Record, printable, unprintable, visible
from loaders.values import NULL, quote

LOAD_FORMAT = "fields terminated by ',' optionally enclosed by '\"' escaped by '' lines terminated by '\\n'"
MAX_SHOWN_VALUE = 80
# The names of unknown columns are serialized in each row again, and may be long.
OTHER_NAMES_BYTES = 32 << 20
UNDECODED_BYTES = 1 << 16  # enough to tell an encoding by


@dataclass(frozen=True)
class Reject:
    """A record that did not land: where it stands, which column did not fit (None: the row as a whole), and why."""

    row_no: int
    line_no: int
    column: str | None
    value: str | None
    reason: str
    text: str

    def line(self) -> bytes:
        """Serialize the reject for LOAD DATA, in the order of `REJECT_COLUMNS`."""
        row_no, line_no, *texts = self.values()
        serialized = [NULL if text is None else quote(text) for text in texts]
        return ",".join([str(row_no), str(line_no), *serialized]).encode() + b"\n"

    def values(self) -> tuple[Any, ...]:
        """Return the reject's values, in the order of `REJECT_COLUMNS`."""
        return self.row_no, self.line_no, self.column, self.value, self.reason, self.text

    def __str__(self) -> str:
        place = f"line {self.line_no}" + (f", column `{self.column}`" if self.column else "")
        shown = "" if self.value is None else f"`{visible(self.value[:MAX_SHOWN_VALUE])}` "
        return f"{place}: {shown}{self.reason}"


@dataclass(frozen=True)
class Checked:
    """Rows of a batch: their numbers, their values as serialized texts by column, and those that did not fit.

    `serialized` has one pa.StringArray for each known column that the file has, and the unknown ones as JSON under
    OTHER_COLUMNS. `fits` are the indices of the rows that land; None when all do.
    """

    row_no: NDArray[np.int64]
    line_no: NDArray[np.int64]
    serialized: dict[str, Any]
    fits: NDArray[np.int64] | None
    rejects: list[Reject]


OTHER_COLUMNS = "_other_columns"
REJECT_COLUMNS = ("row_no", "line_no", "column_name", "value", "reason", "row_text")


class Encoder:
    """Turns the rows of one file of one kind into lines for LOAD DATA; `encoding` is what messages call its own.

    `undecoded_rows` counts the rows with bytes that are not of it; `undecoded` has the first of them, as they are.
    `quotes_all` puts numbers in quotes, as INSERT needs them.
    """

    def __init__(
        self, kind: Kind, header: Sequence[str], encoding: str | None = None, *, quotes_all: bool = False
    ) -> None:
        self.kind = kind
        self.undecoded_rows = 0
        self.undecoded = b""
        self._encoding = encoding or "UTF-8"
        self._quotes_all = quotes_all
        self.header = list(header)
        first = _first_places(header)
        self._known = [(column, first[column.name]) for column in kind.columns if column.name in first]
        known_names = {column.name for column in kind.columns}
        # An unknown column is kept under its own name, a repeated one only once (design section 3, rule 2).
        self._unknown = [(_json_text(name), index) for name, index in sorted(first.items(), key=lambda item: item[1])
                         if name not in known_names]  # fmt: skip
        names_bytes = sum(len(name.encode()) for name, _ in self._unknown)
        self._rows_at_once = OTHER_NAMES_BYTES // (names_bytes + 1) + 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The landing table's columns that the file fills, in the order of a line; the server takes time for each."""
        others = [OTHER_COLUMNS] if self._unknown else []
        return ("_row_no", "_line_no", *(column.name for column, _ in self._known), *others)

    def encode(self, batch: Batch) -> Iterator[tuple[memoryview, int, list[Reject]]]:
        """Yield the batch as (lines, their number, rejects), in some parts, both in the order of the file."""
        for checked in self.check(batch):
            lines = self._join(checked)
            yield bytes_of(lines), len(lines), checked.rejects

    def check(self, batch: Batch) -> Iterator[Checked]:
        """Yield the batch as rows that fit and rejects, in some parts; what lines and lakes are made of."""
        for part in batch.parts(self._rows_at_once):
            yield self._check(part)

    def _check(self, batch: Batch) -> Checked:
        misfits: dict[int, Reject] = {}
        serialized: dict[str, Any] = {}
        for column, index in self._known:
            is_filled = not self.kind.takes_empty(column.name)
            serialized[column.name], reasons = column.type.serialize_all(batch.columns[index], is_filled)
            for at, reason in reasons.items():
                if at not in misfits:
                    misfits[at] = _misfit(batch.record(at), column.name, index, reason)
        self._check_rows(batch, serialized, misfits)
        if self._unknown:
            serialized[OTHER_COLUMNS] = self._other_columns(batch)
        rejects = [*(self._broken(record) for record in batch.broken), *misfits.values()]
        fits = np.delete(np.arange(len(batch.row_no)), list(misfits)) if misfits else None
        return Checked(batch.row_no, batch.line_no, serialized, fits, sorted(rejects, key=lambda reject: reject.row_no))

    def _join(self, checked: Checked) -> Any:
        """Return the lines of the rows that fit, a pa.StringArray."""
        line = Line(checked.row_no, checked.line_no)
        for column, _ in self._known:
            line.add(checked.serialized[column.name], quoted=self._quotes_all or column.type.is_text)
        if self._unknown:
            line.add(checked.serialized[OTHER_COLUMNS], quoted=True)
        lines = line.join()
        return lines if checked.fits is None else lines.take(pa.array(checked.fits))

    def _check_rows(self, batch: Batch, serialized: dict[str, Any], misfits: dict[int, Reject]) -> None:
        """Check rows whose values fit: all of them at once, the suspects one by one."""
        check = self.kind.check
        if not check:
            return
        for at in np.flatnonzero(check.suspects(serialized).fill_null(False).to_numpy(zero_copy_only=False)).tolist():
            if at in misfits:
                continue
            found = check.find({name: values[at].as_py() for name, values in serialized.items()})
            if found:
                name, reason = found
                misfits[at] = _misfit(batch.record(at), name, self.header.index(name), reason)

    def _broken(self, record: Record) -> Reject:
        """Reject a record whose fields cannot be told apart or stored."""
        if unprintable(record.text, ""):
            self._note_undecoded(record.text)
        if record.problem:
            return _reject(record, None, None, record.problem)
        if len(record.fields) != len(self.header):
            there = len(record.fields)
            problem = f"the row has {there} field{'' if there == 1 else 's'}, the header has {len(self.header)}"
            return _reject(record, None, None, problem)
        for name, value in zip(self.header, record.fields, strict=True):
            reason = unprintable(value, self._encoding)
            if reason:
                return _reject(record, name, value, reason)
        return _reject(record, None, None, unprintable(record.text, self._encoding) or "")

    def _note_undecoded(self, text: str) -> None:
        raw = text.encode("utf-8", "surrogateescape") if "\udc00" not in text else b""  # which stands for NUL
        if raw and "\0" not in text:
            self.undecoded_rows += 1
            self.undecoded += raw + b"\n" if len(self.undecoded) < UNDECODED_BYTES else b""

    def _other_columns(self, batch: Batch) -> Any:
        """Serialize the unknown columns as JSON objects; an empty field is NULL, so it is left out."""
        members = []
        for name, index in self._unknown:
            texts = batch.columns[index]
            odd = pc.match_substring_regex(texts, _ODD_IN_JSON)
            if odd.true_count:
                texts = pc.replace_with_mask(
                    texts, odd, pa.array([_json_text(text) for text in texts.filter(odd).to_pylist()], pa.string())
                )
            member = pc.binary_join_element_wise(f', "{name}": "', texts, '"', "")
            members.append(pc.if_else(pc.equal(texts, ""), "", member))
        objects = pc.binary_join_element_wise(*members, "")
        serialized = pc.binary_join_element_wise(pc.utf8_replace_slice(objects, 0, 2, "{"), "}", "")
        return pc.if_else(pc.equal(objects, ""), None, serialized)


def repeated_names(header: Sequence[str]) -> list[str]:
    """Return the names that a header states more than once; the first of each is the one that is kept."""
    first = _first_places(header)
    return sorted({name for index, name in enumerate(header) if first[name] != index})


def _first_places(header: Sequence[str]) -> dict[str, int]:
    return {name: index for index, name in reversed(list(enumerate(header)))}


class Line:
    """The pieces of which lines are joined: arrays, one value a row, and what stands between them."""

    def __init__(self, *numbers: Any) -> None:
        self._pieces: list[Any] = []
        self._between = ""
        for each in numbers:
            self.add(pc.cast(pa.array(each), pa.string()))

    def add(self, texts: Any, quoted: bool = False) -> None:
        """Add a column, whose nulls are NULL."""
        if quoted and texts.null_count:
            self._add(pc.binary_join_element_wise('"', _doubled(texts), '"', ""), ",")
        elif quoted:
            self._between += '"'
            self._add(_doubled(texts), '",')
        else:
            self._add(texts, ",")

    def _add(self, texts: Any, after: str) -> None:
        self._pieces += [self._between, pc.fill_null(texts, NULL) if texts.null_count else texts]
        self._between = after

    def join(self) -> Any:
        """Return the lines, a pa.StringArray."""
        return pc.binary_join_element_wise(*self._pieces, f"{self._between[:-1]}\n", "")


_ODD_IN_JSON = r'["\\\x00-\x1f\x7f]'


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _doubled(texts: Any) -> Any:
    """Double the quotes in texts, as LOAD DATA with ENCLOSED BY '"' ESCAPED BY '' wants them."""
    has_quotes = pc.match_substring(texts, '"')
    return pc.replace_substring(texts, '"', '""') if has_quotes.true_count else texts


def bytes_of(lines: Any) -> memoryview:
    """Return the bytes of all lines, without copying them."""
    if not len(lines):
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[offsets[0] : offsets[-1]]


def _misfit(record: Record, column: str, index: int, reason: str) -> Reject:
    return _reject(record, column, record.fields[index], reason)


def _reject(record: Record, column: str | None, value: str | None, reason: str) -> Reject:
    shown = None if value is None else printable(value)
    return Reject(record.row_no, record.line_no, column, shown, reason, printable(record.text))
