"""An odd file, and what must become of it.

What is expected follows from the rule by which a file is made: `values` says what a value is worth, `sheet` writes rows
and knows their lines. Nothing in this folder uses the product's own code: the contract is docs/landing.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float | None
AS_A_WHOLE = None  # the column of a reject that no single column is to blame for


@dataclass(frozen=True)
class Landed:
    """A row that lands: the exact value of each column of its kind, and the columns that are none of it."""

    line_no: int
    values: Mapping[str, Value]
    others: Mapping[str, str]


@dataclass(frozen=True)
class Rejected:
    """A row that does not: its line, the column to blame and its text, words of the reason (a pattern), its text."""

    line_no: int
    column: str | None
    value: str | None
    says: str
    text: str


@dataclass(frozen=True)
class OddFile:
    """A file by its name inside of the folder; `says` is a pattern of what is said about the file as a whole.

    `plain` is what a compressed file holds: by its hash the file is known.
    """

    group: str
    name: str
    odd: str
    content: bytes
    status: str
    kind: str | None = None  # of one that lands
    rows: tuple[Landed | Rejected, ...] = ()
    says: str = ""
    plain: bytes | None = None

    @property
    def has_load(self) -> bool:
        """Whether the manifest must know the file."""
        return self.status in ("landed", "rejected")

    @property
    def sha256(self) -> str:
        """What the manifest must know the file by."""
        return hashlib.sha256(self.content if self.plain is None else self.plain).hexdigest()


def status_of(rows: Sequence[Landed | Rejected]) -> str:
    """Return the status of a file whose rows must become these."""
    return "rejected" if rows and all(isinstance(row, Rejected) for row in rows) else "landed"


def field_count(fields: int, columns: int) -> str:
    """Return the reason for a row that has not as many fields as the header has columns."""
    return f"the row has {fields} field{'s' if fields > 1 else ''}, the header has {columns}"


def printable(text: str) -> str:
    r"""Spell bytes that are not text as \xNN, as a reject keeps them."""
    return text.replace("\0", r"\x00").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def code(text: str) -> str:
    """Show a text in Markdown as code, its backticks included."""
    if not text:
        return "nothing"
    shown = visible(text)
    fence = "``" if "`" in shown else "`"
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def visible(text: str, most: int = 40) -> str:
    """Show any text on one short line of ASCII or plain letters."""
    shown = printable(text[:most])
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)
    return f"{shown}… ({len(text):,} characters)" if len(text) > most else shown
