"""What fits a column: checking a value's text and spelling it for LOAD DATA, a column of a batch at a time.

Each type has one rule, `spell`, for one value. `plainly` is its shortcut: it tells of a whole column at once which
values are surely fit and how they are spelled; only the doubtful rest goes through the rule.

A value is a field's text as the file has it. The empty field is NULL; in numeric columns `nan` and `NaN` are, too;
`NA`, `NULL`, `None` and `NONE` are values (design section 3, rule 2). What a type accepts, the server stores unchanged;
what it does not accept is named in a reason and goes to the rejects, so that LOAD DATA never converts anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from afterstate.phase_key import END, tick

NULL = "NULL"  # in a format with ENCLOSED BY, the bare word is NULL and the quoted one is text
INT_MIN, INT_MAX = -(2**31), 2**31 - 1

# ASCII digits only, and blanks around a number are not part of it: both as pandas reads a CSV.
_NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_DIGIT_OF_A_VALUE = re.compile(r"[ \t]*[+-]?[0.]*[1-9]")
_NAN = ("nan", "NaN")
# One width for whatever is or becomes a phase key, `<BASE>.<STATE>` or `<BASE>.END`, and for its parts.
PHASE_KEY_CHARACTERS = 160
_BASE_CHARACTERS = PHASE_KEY_CHARACTERS - len(f".{END}")
LONG_TEXT_CHARACTERS = 16_000  # TEXT holds 65,535 bytes, a character takes up to four
# What double-conversion needs at most; a longer text may be cut by a server before it is rounded.
_LONGEST_DOUBLE = 24
_SURELY_TICKS_US = 9e13  # below 2^53 ticks of 0.01 µs

_ARROW_TEXT = pa.string()

Texts = Any  # pa.StringArray
Plain = tuple[Texts, Any]  # the spelled texts, and where that is sure: True, or a pa.BooleanArray


class Misfit(ValueError):
    """A value that does not fit its column; the text is the reason, without the value."""


@dataclass(frozen=True)
class ColumnType:
    """A column's type: how values are spelled for LOAD DATA, and what the column is in SQL."""

    sql_type: Callable[[str], TypeEngine[Any]]  # from the collation to the column's type
    spell: Callable[[str], str | None]  # None is NULL; raises Misfit
    plainly: Callable[[Texts], Plain]  # of a column without empty fields
    is_text: bool = False  # spelled in quotes
    arrow_type: Any = _ARROW_TEXT  # what a lake keeps; Arrow reads every spelling

    def spell_all(self, texts: Texts, is_filled: bool) -> tuple[Texts, dict[int, str]]:
        """Spell the values of one column, a pa.StringArray.

        Returns as many spellings as texts, null for NULL, and the reason for each index whose value does not fit (its
        spelling is then null). A column that must be filled takes no NULL.
        """
        reasons: dict[int, str] = {}
        empty = pc.equal(pc.binary_length(texts), 0)
        if empty.true_count:
            texts = pc.if_else(empty, pa.scalar(None, pa.string()), texts)
            if is_filled:
                reasons = dict.fromkeys(_indices(empty), _EMPTY)
        spelled, sure = self.plainly(texts)
        if sure is not True:
            doubtful = pc.and_not(pc.is_valid(texts), sure.fill_null(True))
            if doubtful.true_count:
                spellings = [
                    self._spell_or_tell(texts[at].as_py(), is_filled, at, reasons) for at in _indices(doubtful)
                ]
                spelled = pc.replace_with_mask(spelled, doubtful, pa.array(spellings, pa.string()))
        return spelled, reasons

    def _spell_or_tell(self, text: str, is_filled: bool, at: int, reasons: dict[int, str]) -> str | None:
        try:
            spelling = self.spell(text)
        except Misfit as misfit:
            reasons[at] = str(misfit)
            return None
        if is_filled and spelling is None:
            reasons[at] = "stands for nothing, and no row may leave this column so"
        return spelling


_EMPTY = "is empty, and no row may leave this column so"


def _indices(mask: Any) -> list[int]:
    found: list[int] = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
    return found


def quote(text: str) -> str:
    """Spell a text for LOAD DATA with ENCLOSED BY '"' ESCAPED BY ''; a backslash is data there."""
    return '"' + text.replace('"', '""') + '"'


def text_type(characters: int) -> ColumnType:
    """Any text of at most that many characters, VARCHAR(characters) under the exact collation."""
    return _text(lambda collation: mysql.VARCHAR(characters, collation=collation), characters)


def _text(sql_type: Callable[[str], TypeEngine[Any]], characters: int) -> ColumnType:
    return ColumnType(sql_type, _spell_text(characters), _plain_texts(characters), is_text=True)


def _spell_text(characters: int) -> Callable[[str], str]:
    def spell(text: str) -> str:
        if len(text) > characters:
            raise Misfit(f"has {len(text)} characters, at most {characters} fit")
        return text

    return spell


def _plain_texts(characters: int) -> Callable[[Texts], Plain]:
    def plainly(texts: Texts) -> Plain:
        if _longest(texts) <= characters:  # in bytes, of which a character has one at least
            return texts, True
        return texts, pc.less_equal(pc.utf8_length(texts), characters)

    return plainly


def _spell_integer(text: str) -> str | None:
    number = _finite(text)
    if number is None:
        return None
    if not INT_MIN <= number <= INT_MAX:
        raise Misfit(f"is outside INT, {INT_MIN} to {INT_MAX}")
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise Misfit("has an exponent that no number needs") from None
    if exact != exact.to_integral_value():
        raise Misfit("is not a whole number")
    return str(int(exact))


def _plain_integers(texts: Texts) -> Plain:
    try:
        pc.cast(texts, pa.int32())
        is_hexadecimal = pc.match_substring(texts, "x", ignore_case=True)  # to Arrow, 0x10 is 16
        if not is_hexadecimal.true_count:
            return texts, True
    except pa.ArrowInvalid:
        pass
    whole = pc.replace_substring_regex(texts, r"\.0*$", "")  # 21.0, as pandas writes a column with empty fields
    return whole, pc.match_substring_regex(whole, "^-?[0-9]{1,9}$")


def _spell_double(text: str) -> str | None:
    number = _double(text)
    return None if number is None else repr(number)


def _plain_doubles(texts: Texts, limit: float = math.inf) -> Plain:
    try:
        numbers = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        looks_well = pc.match_substring_regex(texts, r"^-?[0-9]+(\.[0-9]+)?$")
        numbers = pc.cast(pc.if_else(looks_well, texts, "nan"), pa.float64())
    sure = pc.less(pc.abs(numbers), limit)  # and no nan, which is not less than anything
    if _longest(texts) > _LONGEST_DOUBLE:
        sure = pc.and_(sure, pc.less_equal(pc.binary_length(texts), _LONGEST_DOUBLE))
    zero = pc.equal(numbers, 0)
    if zero.true_count:  # -0 and 1e-400 are zero to Arrow, too
        sure = pc.and_(sure, pc.or_(pc.invert(zero), pc.match_substring_regex(texts, r"^0+(\.0*)?$")))
    return texts, sure


def _finite(text: str) -> float | None:
    """Return the number that the text is, None for NaN; raises Misfit for all else."""
    if text in _NAN:
        return None
    if not _NUMBER.fullmatch(text):
        raise Misfit("is not a number")
    number = float(text)
    if math.isinf(number):
        raise Misfit("is beyond DOUBLE, about 1.8e308")
    return number


def _double(text: str) -> float | None:
    """Return the number that the text is, as near as a DOUBLE can be, None for NaN; raises Misfit for all else."""
    number = _finite(text)
    if number == 0 and _DIGIT_OF_A_VALUE.match(text):
        raise Misfit("is too small for DOUBLE, which ends at about 4.9e-324")
    return None if number is None else number + 0.0  # MariaDB stores -0 as 0, so it is 0 everywhere


def _spell_time(text: str) -> str | None:
    time_us = _double(text)
    if time_us is None:
        return None
    try:
        tick(time_us)
    except ValueError:
        raise Misfit("is beyond the times of which a double can tell the ticks of 0.01 µs, about 9e13 µs") from None
    return repr(time_us)


def _plain_times(texts: Texts) -> Plain:
    return _plain_doubles(texts, limit=_SURELY_TICKS_US)


def _spell_op_state(text: str) -> str:
    """Require `<BASE>.<STATE>` whose `<BASE>.END` is a phase key, too.

    A state is one word, so the last of several dots parts it from its base.
    """
    base, dot, state = text.rpartition(".")
    if not (dot and base and state):
        raise Misfit("is not a state, expected `<BASE>.<STATE>`")
    if state == END:
        raise Misfit(f"is virtual: `<BASE>.{END}` is what holds after a segment, never a segment")
    if len(base) > _BASE_CHARACTERS:
        raise Misfit(f"has a base of {len(base)} characters, at most {_BASE_CHARACTERS} leave room for `.{END}`")
    return _spell_text(PHASE_KEY_CHARACTERS)(text)


def _plain_op_states(texts: Texts) -> Plain:
    """Look at each state once: a timeline has a few, over and over."""
    doubtful = [text for text in pc.unique(texts).to_pylist() if text is not None and not _is_op_state(text)]
    return texts, pc.invert(pc.is_in(texts, pa.array(doubtful, pa.string()))) if doubtful else True


def _is_op_state(text: str) -> bool:
    try:
        return bool(_spell_op_state(text))
    except Misfit:
        return False


def _longest(texts: Texts) -> int:
    """Return the length of the longest text, in bytes."""
    return pc.max(pc.binary_length(texts)).as_py() or 0


INTEGER = ColumnType(lambda _: mysql.INTEGER(), _spell_integer, _plain_integers, arrow_type=pa.int32())
DOUBLE = ColumnType(lambda _: mysql.DOUBLE(), _spell_double, _plain_doubles, arrow_type=pa.float64())
# µs, finite, and exact to the tick
TIME_US = ColumnType(lambda _: mysql.DOUBLE(), _spell_time, _plain_times, arrow_type=pa.float64())
PHASE_KEY = text_type(PHASE_KEY_CHARACTERS)
OP_STATE = ColumnType(
    lambda collation: mysql.VARCHAR(PHASE_KEY_CHARACTERS, collation=collation),
    _spell_op_state,
    _plain_op_states,
    is_text=True,
)
LONG_TEXT = _text(lambda collation: mysql.TEXT(collation=collation), LONG_TEXT_CHARACTERS)
