"""Records as lines for LOAD DATA: checked, typed, spelled; and those that do not fit, with the reason.

The format is that of `LOAD_FORMAT`: commas, text in quotes with quotes doubled, bare NULL, no escapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loaders.landing.kinds import Kind
from loaders.landing.reader import Record, printable, unprintable
from loaders.landing.values import NULL, quote

LOAD_FORMAT = (
    "character set utf8mb4 fields terminated by ',' optionally enclosed by '\"' escaped by '' lines terminated by '\\n'"
)
MAX_SHOWN_VALUE = 80


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
        """Spell the reject for LOAD DATA, in the order of `REJECT_COLUMNS`."""
        texts = (self.column, self.value, self.reason, self.text)
        spelled = [NULL if text is None else quote(text) for text in texts]
        return ",".join([str(self.row_no), str(self.line_no), *spelled]).encode() + b"\n"

    def __str__(self) -> str:
        place = f"line {self.line_no}" + (f", column `{self.column}`" if self.column else "")
        shown = "" if self.value is None else f"`{_visible(self.value[:MAX_SHOWN_VALUE])}` "
        return f"{place}: {shown}{self.reason}"


REJECT_COLUMNS = ("row_no", "line_no", "column_name", "value", "reason", "row_text")


class Encoder:
    """Turns the records of one file of one kind into lines for LOAD DATA."""

    def __init__(self, kind: Kind, header: Sequence[str]) -> None:
        self.kind = kind
        self.header = list(header)
        first = {name: index for index, name in reversed(list(enumerate(header)))}
        self.repeated = sorted({name for index, name in enumerate(header) if first[name] != index})
        self._known = [(column, first.get(column.name)) for column in kind.columns]
        known_names = {column.name for column in kind.columns}
        # An unknown column is kept under its own name, a repeated one only once (design section 3, rule 2).
        self._unknown = [(name, index) for name, index in sorted(first.items(), key=lambda item: item[1])
                         if name not in known_names]  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """The landing table's columns, in the order of a line."""
        return ("_row_no", "_line_no", *(column.name for column, _ in self._known), "_other_columns")

    def encode(self, batch: Sequence[Record]) -> tuple[bytes, int, list[Reject]]:
        """Give the batch as (lines, their number, rejects), both in the order of the file."""
        sound, rejects = self._split(batch)
        spelled = [[str(record.row_no) for record in sound], [str(record.line_no) for record in sound]]
        misfits: dict[int, Reject] = {}
        for column, index in self._known:
            if index is None:
                spelled.append([NULL] * len(sound))
                continue
            texts = [record.fields[index] for record in sound]
            spellings, reasons = column.type.spell_all(texts, is_filled=not self.kind.takes_empty(column.name))
            spelled.append(spellings)
            for at, reason in reasons.items():
                if at not in misfits:
                    misfits[at] = _reject(sound[at], column.name, texts[at], reason)
        misfits |= self._check_rows(sound, misfits)
        spelled.append([self._other_columns(record.fields) for record in sound])
        lines = [",".join(line) for at, line in enumerate(zip(*spelled, strict=True)) if at not in misfits]
        rejects = sorted([*rejects, *misfits.values()], key=lambda reject: reject.row_no)
        return "".join(f"{line}\n" for line in lines).encode(), len(lines), rejects

    def _check_rows(self, sound: Sequence[Record], misfits: Mapping[int, Reject]) -> dict[int, Reject]:
        """Look at rows whose values fit, one by one, as a whole."""
        rejects: dict[int, Reject] = {}
        if not self.kind.check:
            return rejects
        for at, record in enumerate(sound):
            row = {column.name: record.fields[index] for column, index in self._known if index is not None}
            found = None if at in misfits else self.kind.check(row)
            if found:
                name, reason = found
                rejects[at] = _reject(record, name, row[name], reason)
        return rejects

    def _split(self, batch: Sequence[Record]) -> tuple[list[Record], list[Reject]]:
        """Part records whose fields can be looked at from those that are broken as a whole."""
        sound, rejects = [], []
        width = len(self.header)
        for record in batch:
            problem = record.problem
            if not problem and len(record.fields) != width:
                problem = f"the row has {len(record.fields)} fields, the header has {width}"
            if problem:
                rejects.append(_reject(record, None, None, problem))
            elif unprintable(record.text):
                rejects.append(self._unprintable(record))
            else:
                sound.append(record)
        return sound, rejects

    def _unprintable(self, record: Record) -> Reject:
        for name, value in zip(self.header, record.fields, strict=True):
            reason = unprintable(value)
            if reason:
                return _reject(record, name, value, reason)
        return _reject(record, None, None, unprintable(record.text) or "")

    def _other_columns(self, fields: Sequence[str]) -> str:
        """Spell the unknown columns as a JSON object; an empty field is NULL, so it is left out."""
        others = {name: fields[index] for name, index in self._unknown if fields[index]}
        return quote(json.dumps(others, ensure_ascii=False)) if others else NULL


def _reject(record: Record, column: str | None, value: str | None, reason: str) -> Reject:
    shown = None if value is None else printable(value)
    return Reject(record.row_no, record.line_no, column, shown, reason, printable(record.text))


def _visible(text: str) -> str:
    """Escape line breaks, odd blanks and a terminal's control characters."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
