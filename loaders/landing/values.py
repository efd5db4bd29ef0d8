"""What fits a column: checking a value's text and spelling it for LOAD DATA, a column of a batch at a time.

A value is a field's text as the file has it. The empty field is NULL; in numeric columns `nan` and `NaN` are, too;
`NA`, `NULL`, `None` and `NONE` are values (design section 3, rule 2). What a type accepts, the server stores unchanged;
what it does not accept is named in a reason and goes to the rejects, so that LOAD DATA never converts anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from simulators.nand.phase_key import END, tick

NULL = "NULL"  # in a format with ENCLOSED BY, the bare word is NULL and the quoted one is text
INT_MIN, INT_MAX = -(2**31), 2**31 - 1

# ASCII digits only, and blanks around a number are no part of it: both as pandas reads a CSV.
_NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NAN = ("nan", "NaN")
OP_STATE_CHARACTERS = 128
LONG_TEXT_CHARACTERS = 16_000  # TEXT holds 65,535 bytes, a character takes up to four


class Misfit(ValueError):
    """A value that does not fit its column; the text is the reason, without the value."""


@dataclass(frozen=True)
class ColumnType:
    """A column's type: how one value is spelled for LOAD DATA, and what the column is in SQL."""

    sql_type: Callable[[str], TypeEngine[Any]]  # from the collation to the column's type
    spell: Callable[[str], str]  # raises Misfit

    def spell_all(self, texts: Sequence[str], is_filled: bool) -> tuple[list[str], dict[int, str]]:
        """Spell the values of one column.

        Returns as many spellings as texts, and the reason for each index whose value does not fit (its spelling is
        then meaningless). A column that must be filled takes no NULL.
        """
        spellings: list[str] = []
        reasons: dict[int, str] = {}
        spell = self.spell
        for index, text in enumerate(texts):
            try:
                spelling = spell(text) if text else NULL
                if is_filled and spelling is NULL:
                    raise Misfit("is empty, and no row may leave this column so")
            except Misfit as misfit:
                spelling = NULL
                reasons[index] = str(misfit)
            spellings.append(spelling)
        return spellings, reasons


def quote(text: str) -> str:
    """Spell a text for LOAD DATA with ENCLOSED BY '"' ESCAPED BY ''; a backslash is data there."""
    return '"' + text.replace('"', '""') + '"'


def text_type(characters: int) -> ColumnType:
    """Any text of at most that many characters, VARCHAR(characters) under the exact collation."""
    return ColumnType(lambda collation: mysql.VARCHAR(characters, collation=collation), _spell_text(characters))


def _spell_text(characters: int) -> Callable[[str], str]:
    def spell(text: str) -> str:
        if len(text) > characters:
            raise Misfit(f"has {len(text)} characters, at most {characters} fit")
        return quote(text)

    return spell


def _spell_integer(text: str) -> str:
    if _WHOLE.fullmatch(text):
        return str(int(text))
    number = _finite(text)
    if number is None:
        return NULL
    if not INT_MIN <= number <= INT_MAX:
        raise Misfit(f"is outside INT, {INT_MIN} to {INT_MAX}")
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise Misfit("has an exponent that no number needs") from None
    if exact != exact.to_integral_value():
        raise Misfit("is not a whole number")
    return str(int(exact))


def _spell_double(text: str) -> str:
    number = _finite(text)
    return NULL if number is None else repr(number)


def _finite(text: str) -> float | None:
    """Give the number that the text is, None for NaN; raises Misfit for all else."""
    if text in _NAN:
        return None
    if not _NUMBER.fullmatch(text):
        raise Misfit("is not a number")
    number = float(text)
    if math.isinf(number):
        raise Misfit("is beyond DOUBLE, about 1.8e308")
    return number


def _spell_time(text: str) -> str:
    time_us = _finite(text)
    if time_us is None:
        return NULL
    try:
        tick(time_us)
    except ValueError:
        raise Misfit("is beyond the times of which a double can tell the ticks of 0.01 µs, about 9e13 µs") from None
    return repr(time_us)


def _spell_op_state(text: str) -> str:
    """Require `<BASE>.<STATE>`; a state is one word, so the last of several dots parts it from its base."""
    base, dot, state = text.rpartition(".")
    if not (dot and base and state):
        raise Misfit("is no state, expected `<BASE>.<STATE>`")
    if state == END:
        raise Misfit(f"is virtual: `<BASE>.{END}` is what holds after a segment, never a segment")
    return _spell_text(OP_STATE_CHARACTERS)(text)


INTEGER = ColumnType(lambda _: mysql.INTEGER(), _spell_integer)
DOUBLE = ColumnType(lambda _: mysql.DOUBLE(), _spell_double)
TIME_US = ColumnType(lambda _: mysql.DOUBLE(), _spell_time)  # µs, finite, and exact to the tick
OP_STATE = ColumnType(lambda collation: mysql.VARCHAR(OP_STATE_CHARACTERS, collation=collation), _spell_op_state)
LONG_TEXT = ColumnType(lambda collation: mysql.TEXT(collation=collation), _spell_text(LONG_TEXT_CHARACTERS))
