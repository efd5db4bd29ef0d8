"""What a text is worth in a column of a type, by `decimal`: the number or text that must land, or a misfit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from tests.loaders.odd.expect import Landed, Rejected, Value, field_count, printable
from tests.loaders.odd.kinds import OddKind

CHARACTERS = {"text64": 64, "text128": 128, "text160": 160, "op_state": 160, "text16000": 16_000}
# what the lines of a log may not leave without a value
LINES_NEED = {"phase_key": ("now_us", "die", "plane", "phase_key"), "selected": ("op_name",)}
_OF_NUMBERS = set("0123456789+-.eE")
_FAR = 100_000  # an exponent beyond DOUBLE's whatever the digits are, and one that `decimal` bears
_TICK_US, _MAX_TICK = 0.01, 2**53


class Misfit(Exception):
    """The text does not fit; says so with a pattern of the reason."""


def worth(type_: str, text: str) -> Value:
    """Return what must land; raises Misfit."""
    if not text:
        return None
    if type_ in CHARACTERS:
        return _text(type_, text)
    number = _number(text)
    if number is None:
        return None
    if type_ == "whole":
        return _whole(number)
    double = float(number)
    if double in (float("inf"), float("-inf")):
        raise Misfit("is beyond DOUBLE")
    if number and not double:
        raise Misfit("is too small for DOUBLE")
    if type_ == "time" and abs(double / _TICK_US) > _MAX_TICK:
        raise Misfit("is too large for ticks")
    return double + 0.0  # a zero has no sign


def no_text(text: str) -> str | None:
    """Return what makes a text none: NUL, or the first byte that is not UTF-8."""
    if "\0" in text:
        return "holds a NUL byte"
    raw = text.encode("utf-8", "surrogateescape")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"holds the byte 0x{raw[error.start]:02X}, which is not UTF-8"
    return None


def expected_row(
    kind: OddKind, header: Sequence[str], cells: Sequence[str], line_no: int, text: str
) -> Landed | Rejected:
    """Return what must become of a row whose cells are these; of two columns of one name the first counts."""
    if len(cells) != len(header):
        return whole_row(line_no, field_count(len(cells), len(header)), text)
    for name, cell in zip(header, cells, strict=True):
        if no_text(cell):
            return Rejected(line_no, name, printable(cell), str(no_text(cell)), printable(text))
    first = dict(reversed(list(zip(header, cells, strict=True))))
    found: dict[str, Value] = {}
    for name, type_ in kind.types.items():
        cell = first.get(name, "")
        try:
            found[name] = worth(type_, cell)
            if found[name] is None and name in kind.filled:
                nothing = "is NaN" if cell else "is empty"
                raise Misfit(f"{nothing}, but the column is required")
        except Misfit as misfit:
            return Rejected(line_no, name, cell, str(misfit), text)
    for name in LINES_NEED[first["line_kind"]] if kind.name == "nand_proposer_log" else ():
        if found[name] is None:
            return Rejected(line_no, name, first[name], "is NaN, but a `[a-z_]+` line needs a value", text)
    if kind.name == "nand_op_state_timeline" and tick(found["end"]) < tick(found["start"]):
        return Rejected(line_no, "end", first["end"], "is before the segment's start", text)
    return Landed(line_no, found, _others(kind, first))


def whole_row(line_no: int, says: str, text: str) -> Rejected:
    """Return the reject of a row that no column is to blame for."""
    return Rejected(line_no, None, None, says, printable(text))


def _others(kind: OddKind, first: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in first.items() if cell and name not in kind.types}


def _text(type_: str, text: str) -> str:
    base, dot, state = text.rpartition(".")
    if type_ == "op_state" and not (base and dot and state):
        raise Misfit("is not a state, expected `<BASE>.<STATE>`")
    if type_ == "op_state" and state == "END":
        raise Misfit("is virtual")
    if type_ == "op_state" and len(f"{base}.END") > CHARACTERS[type_]:
        raise Misfit(f"has a base of {len(base)} characters, at most 156 leave room for")
    if len(text) > CHARACTERS[type_]:
        raise Misfit(f"has {len(text)} characters, at most {CHARACTERS[type_]} fit")
    return text


def _number(text: str) -> Decimal | None:
    if text in ("nan", "NaN"):
        return None
    bare = text.strip(" \t")
    mantissa, letter, exponent = bare.replace("E", "e").partition("e")
    try:
        if not set(bare) <= _OF_NUMBERS or (letter and not exponent):
            raise ValueError
        digits, power = Decimal(mantissa), int(exponent or 0)
    except (ValueError, InvalidOperation):
        raise Misfit("is not a number") from None
    return Decimal(f"{mantissa}e{max(-_FAR, min(_FAR, power))}") if digits else Decimal(0)


def _whole(number: Decimal) -> int:
    if not -(2**31) <= number < 2**31:
        raise Misfit("is outside INT|is beyond DOUBLE")
    if number != number.to_integral_value():
        raise Misfit("is not a whole number|is too small|has an exponent")
    return int(number)


def tick(time_us: Value) -> int:
    """Return the tick of a time in µs, half-way to the even one, as the simulator's own arithmetic has it."""
    return round(float(time_us or 0) / _TICK_US)
