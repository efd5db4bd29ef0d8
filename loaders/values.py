"""What fits a column: checking a value's text and serializing it for LOAD DATA, a batch's column at a time.

Each type has one rule, `serialize`, for one value. `fast_path` looks at a whole column at once: it returns which values
surely fit, and their serialized form; only the rest goes through the rule.

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
_NONZERO_DIGIT = re.compile(r"[ \t]*[+-]?[0.]*[1-9]")
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
FastPath = tuple[Texts, Any]  # the serialized texts, and where that is sure: True, or a pa.BooleanArray


class InvalidValue(ValueError):
    """A value that does not fit its column; the text is the reason, without the value."""


@dataclass(frozen=True)
class ColumnType:
    """A column's type: how values are serialized for LOAD DATA, and what the column is in SQL."""

    sql_type: Callable[[str], TypeEngine[Any]]  # from the collation to the column's type
    serialize: Callable[[str], str | None]  # None is NULL; raises InvalidValue
    fast_path: Callable[[Texts], FastPath]  # of a column without empty fields
    is_text: bool = False  # serialized in quotes
    arrow_type: Any = _ARROW_TEXT  # what a lake keeps; Arrow reads every serialized value

    def serialize_all(self, texts: Texts, is_filled: bool) -> tuple[Texts, dict[int, str]]:
        """Serialize the values of one column, a pa.StringArray.

        Returns as many values as texts, null for NULL, and the reason for each index whose value does not fit (its
        value is then null). A column that must be filled takes no NULL.
        """
        reasons: dict[int, str] = {}
        empty = pc.equal(pc.binary_length(texts), 0)
        if empty.true_count:
            texts = pc.if_else(empty, pa.scalar(None, pa.string()), texts)
            if is_filled:
                reasons = dict.fromkeys(_indices(empty), _EMPTY)
        serialized, sure = self.fast_path(texts)
        if sure is not True:
            doubtful = pc.and_not(pc.is_valid(texts), sure.fill_null(True))
            if doubtful.true_count:
                values = [
                    self._serialize_or_reject(texts[at].as_py(), is_filled, at, reasons) for at in _indices(doubtful)
                ]
                serialized = pc.replace_with_mask(serialized, doubtful, pa.array(values, pa.string()))
        return serialized, reasons

    def _serialize_or_reject(self, text: str, is_filled: bool, at: int, reasons: dict[int, str]) -> str | None:
        try:
            value = self.serialize(text)
        except InvalidValue as error:
            reasons[at] = str(error)
            return None
        if is_filled and value is None:
            reasons[at] = "is NaN, but the column is required"
        return value


_EMPTY = "is empty, but the column is required"


def _indices(mask: Any) -> list[int]:
    found: list[int] = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
    return found


def quote(text: str) -> str:
    """Serialize a text for LOAD DATA with ENCLOSED BY '"' ESCAPED BY ''; a backslash is data there."""
    return '"' + text.replace('"', '""') + '"'


def text_type(characters: int) -> ColumnType:
    """Any text of at most that many characters, VARCHAR(characters) under the exact collation."""
    return _text(lambda collation: mysql.VARCHAR(characters, collation=collation), characters)


def _text(sql_type: Callable[[str], TypeEngine[Any]], characters: int) -> ColumnType:
    return ColumnType(sql_type, _serialize_text(characters), _fast_texts(characters), is_text=True)


def _serialize_text(characters: int) -> Callable[[str], str]:
    def serialize(text: str) -> str:
        if len(text) > characters:
            raise InvalidValue(f"has {len(text)} characters, at most {characters} fit")
        return text

    return serialize


def _fast_texts(characters: int) -> Callable[[Texts], FastPath]:
    def fast_path(texts: Texts) -> FastPath:
        if _longest(texts) <= characters:  # in bytes, of which a character has one at least
            return texts, True
        return texts, pc.less_equal(pc.utf8_length(texts), characters)

    return fast_path


def _serialize_integer(text: str) -> str | None:
    number = _finite(text)
    if number is None:
        return None
    if not INT_MIN <= number <= INT_MAX:
        raise InvalidValue(f"is outside INT, {INT_MIN} to {INT_MAX}")
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise InvalidValue("has an exponent that is out of range") from None
    if exact != exact.to_integral_value():
        raise InvalidValue("is not a whole number")
    return str(int(exact))


def _fast_integers(texts: Texts) -> FastPath:
    try:
        pc.cast(texts, pa.int32())
        is_hexadecimal = pc.match_substring(texts, "x", ignore_case=True)  # to Arrow, 0x10 is 16
        if not is_hexadecimal.true_count:
            return texts, True
    except pa.ArrowInvalid:
        pass
    whole = pc.replace_substring_regex(texts, r"\.0*$", "")  # 21.0, as pandas writes a column with empty fields
    return whole, pc.match_substring_regex(whole, "^-?[0-9]{1,9}$")


def _serialize_double(text: str) -> str | None:
    number = _double(text)
    return None if number is None else repr(number)


def _fast_doubles(texts: Texts, limit: float = math.inf) -> FastPath:
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
    """Return the text's number, None for NaN; raises InvalidValue for anything else."""
    if text in _NAN:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidValue("is not a number")
    number = float(text)
    if math.isinf(number):
        raise InvalidValue("is beyond DOUBLE, about 1.8e308")
    return number


def _double(text: str) -> float | None:
    """Return the text's number, rounded to a DOUBLE; None for NaN; raises InvalidValue for anything else."""
    number = _finite(text)
    if number == 0 and _NONZERO_DIGIT.match(text):
        raise InvalidValue("is too small for DOUBLE, which ends at about 4.9e-324")
    return None if number is None else number + 0.0  # MariaDB stores -0 as 0, so it is 0 everywhere


def _serialize_time(text: str) -> str | None:
    time_us = _double(text)
    if time_us is None:
        return None
    try:
        tick(time_us)
    except ValueError:
        raise InvalidValue("is too large for ticks of 0.01 µs, which a double can tell apart up to 9e13 µs") from None
    return repr(time_us)


def _fast_times(texts: Texts) -> FastPath:
    return _fast_doubles(texts, limit=_SURELY_TICKS_US)


def _serialize_op_state(text: str) -> str:
    """Require `<BASE>.<STATE>` whose `<BASE>.END` is a phase key, too.

    A state is one word, so the last of several dots parts it from its base.
    """
    base, dot, state = text.rpartition(".")
    if not (dot and base and state):
        raise InvalidValue("is not a state, expected `<BASE>.<STATE>`")
    if state == END:
        raise InvalidValue(f"is virtual: `<BASE>.{END}` is what holds after a segment, never a segment")
    if len(base) > _BASE_CHARACTERS:
        raise InvalidValue(f"has a base of {len(base)} characters, at most {_BASE_CHARACTERS} leave room for `.{END}`")
    return _serialize_text(PHASE_KEY_CHARACTERS)(text)


def _fast_op_states(texts: Texts) -> FastPath:
    """Check each distinct state once: a timeline repeats a few."""
    doubtful = [text for text in pc.unique(texts).to_pylist() if text is not None and not _is_op_state(text)]
    return texts, pc.invert(pc.is_in(texts, pa.array(doubtful, pa.string()))) if doubtful else True


def _is_op_state(text: str) -> bool:
    try:
        return bool(_serialize_op_state(text))
    except InvalidValue:
        return False


def _longest(texts: Texts) -> int:
    """Return the length of the longest text, in bytes."""
    return pc.max(pc.binary_length(texts)).as_py() or 0


INTEGER = ColumnType(lambda _: mysql.INTEGER(), _serialize_integer, _fast_integers, arrow_type=pa.int32())
DOUBLE = ColumnType(lambda _: mysql.DOUBLE(), _serialize_double, _fast_doubles, arrow_type=pa.float64())
# µs, finite, and exact to the tick
TIME_US = ColumnType(lambda _: mysql.DOUBLE(), _serialize_time, _fast_times, arrow_type=pa.float64())
PHASE_KEY = text_type(PHASE_KEY_CHARACTERS)
OP_STATE = ColumnType(
    lambda collation: mysql.VARCHAR(PHASE_KEY_CHARACTERS, collation=collation),
    _serialize_op_state,
    _fast_op_states,
    is_text=True,
)
LONG_TEXT = _text(lambda collation: mysql.TEXT(collation=collation), LONG_TEXT_CHARACTERS)
