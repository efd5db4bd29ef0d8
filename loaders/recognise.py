"""Recognize a file's kind by its header (design section 3)."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from afterstate.errors import LandingError, UsageError
from loaders import csv_file
from loaders.content import open_content, plain_name
from loaders.core import CORE_KINDS
from loaders.encoding import advice
from loaders.kinds import Kind
from loaders.nand import NAND_KINDS
from loaders.not_needed import not_needed
from loaders.reader import Record, unprintable, visible

KINDS: tuple[Kind, ...] = (*CORE_KINDS, *NAND_KINDS)
_TABLES = tuple(kind for kind in KINDS if not kind.begins)
OUR_SUFFIXES = (".csv", ".log", ".txt")
_OTHER_DELIMITERS = {";": "`;`", "\t": "tabs", "|": "`|`", ", ": "commas and blanks"}
LONGEST_NAME_BYTES = 65_535
BEGINNING_BYTES = 1 << 20  # in which a log shows what it is


class UnknownFile(Exception):
    """The file is somebody else's; the text says what was looked for."""


def kind_named(name: str) -> Kind:
    """Return the kind of that name; raises UsageError when there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise UsageError(f"there is no kind `{name}`", f"expected one of: {', '.join(kind.name for kind in KINDS)}")


def kind_by_prefix(beginning: bytes) -> Kind | None:
    """Return the kind (not a CSV) whose files begin with these bytes, None when there is none."""
    first = beginning.removeprefix(BOM_UTF8)
    return next((kind for kind in KINDS if first.startswith(tuple(text.encode() for text in kind.begins))), None)


def require_prefix(path: Path, kind: Kind, beginning: bytes) -> None:
    """Raise LandingError when no line at a file's beginning is one of that kind (not a CSV)."""
    texts = tuple(text.encode() for text in kind.begins)
    if not any(line.startswith(texts) for line in beginning.removeprefix(BOM_UTF8).splitlines()):
        expected = " or ".join(f"`{text}`" for text in kind.begins)
        raise _header_error(path, f"the file is not a {kind.name}", f"expected lines that begin with {expected}")


def read_header(path: Path, first: Record | None, given: Kind | None = None, guess: str | None = None) -> list[str]:
    """Return the column names in the first record of a file; none for an empty file.

    Raises UnknownFile when they cannot be read, LandingError when the file should be ours all the same: by `given`, the
    kind that the user names, by its own name, or by the names that can be read, also in the encoding of `guess`.
    """
    if not first:
        return []
    _require_commas(path, first.text)
    unstorable = unprintable(first.text)
    if not first.problem and not unstorable:
        return first.fields
    reason = f"the header cannot be read: {first.problem or f'it {unstorable}'}"
    if given or _named_like(path) or _fits_any(first.fields) or (guess and _is_ours_in(path, guess)):
        raise LandingError(
            reason,
            "save the file as CSV in UTF-8" if first.problem else advice(guess),
            failure="header" if first.problem else "encoding",
            file=path,
            line=first.line_no,
        )
    raise UnknownFile(reason)


def _is_ours_in(path: Path, encoding: str) -> bool:
    """Return whether a file would be one of ours in this encoding."""
    try:
        with open_content(path, encoding=encoding) as content:
            if kind_by_prefix(content.read(BEGINNING_BYTES)):
                return True
        with open_content(path, encoding=encoding) as content:
            first = csv_file.read_header(content)
    except LandingError:
        return False
    return first is not None and _fits_any(first.fields)


def _fits_any(header: Sequence[str]) -> bool:
    return any(_fits(kind, header) for kind in _TABLES)


def recognise(path: Path, header: Sequence[str]) -> Kind:
    """Return the kind of a file by its header.

    Raises UnknownFile for a file that is not ours, LandingError for one of ours that cannot be used as it is.
    """
    fitting = [kind for kind in _TABLES if _fits(kind, header)]
    kind = _choose_by_header(fitting, header)
    if kind:
        return kind
    reason = not_needed(plain_name(path), header)
    if reason and not fitting:
        raise UnknownFile(f"known, not needed: {reason}")
    by_name = _named_like(path)
    for kind in by_name:
        if kind in fitting:
            return kind
    for kind in by_name or [kind for kind in _TABLES if _almost_fits(kind, header)]:
        require_needed(path, kind, header)
    for kind in by_name:
        odd = ", ".join(f"`{name}`" for name in header if name in kind.never)
        raise _header_error(
            path,
            f"it has {odd}, which no {kind.name} has",
            f"if it is one all the same, land it with `--kind {kind.name}`",
        )
    if fitting:
        names = " or ".join(kind.name for kind in fitting)
        raise UnknownFile(f"its header has the key of {names}, but none of their own columns; `--kind` names one")
    raise UnknownFile("its header matches no known kind" if header else "it is empty: there is no header")


def require_needed(path: Path, kind: Kind, header: Sequence[str]) -> None:
    """Raise LandingError when the header lacks a column that the kind needs."""
    expected = f"expected the columns {', '.join(kind.needed)} (in any order, others may follow)"
    if not header:
        raise _header_error(path, f"the file is empty: a {kind.name} needs at least its header", expected)
    missing = [name for name in kind.needed if name not in header]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        alike = [visible(name) for name in header if _bare(name) in missing]
        there = f"; the header has `{'`, `'.join(alike)}`" if alike else ""
        raise _header_error(path, f"no column {names}, which a {kind.name} needs{there}", expected, missing[0])


def _header_error(path: Path, reason: str, hint: str, column: str | None = None) -> LandingError:
    return LandingError(reason, hint, failure="header", file=path, line=1, column=column)


def _bare(name: str) -> str:
    """Return a column's name without case, blanks and what nobody sees."""
    return "".join(character for character in name.lower() if character.isprintable() and not character.isspace())


def require_storable(path: Path, header: Sequence[str]) -> None:
    """Raise LandingError when a name is longer than a key of a JSON object may be on MySQL."""
    longest = max(header, key=lambda name: len(name.encode()), default="")
    if len(longest.encode()) > LONGEST_NAME_BYTES:
        raise _header_error(
            path,
            f"the name of column {header.index(longest) + 1} has {len(longest.encode()):,} bytes",
            f"at most {LONGEST_NAME_BYTES:,} fit",
        )


def _named_like(path: Path) -> list[Kind]:
    return [kind for kind in _TABLES if fnmatch(plain_name(path), kind.produced_as)]


def _fits(kind: Kind, header: Sequence[str]) -> bool:
    return set(kind.needed) <= set(header) and not kind.never & set(header)


def _choose_by_header(fitting: Sequence[Kind], header: Sequence[str]) -> Kind | None:
    """Choose among the kinds that a header fits; None when only the name can tell.

    Core files carry columns of earlier stages along, so the latest stage wins. A timeline may carry all that the other
    timeline needs, so the one wins whose own columns are there to a greater share; where that one lacks a needed
    column, the file is not taken for the other.
    """
    own = next((kind for kind in fitting if _has_signature(kind, header)), None)
    if own and (own.key or not own.signature):
        return own
    nearest = max((kind for kind in _TABLES if kind.signature and not kind.key), key=lambda kind: _share(kind, header))
    if _share(nearest, header):
        return nearest if nearest in fitting else None
    return fitting[0] if len(fitting) == 1 else None


def _share(kind: Kind, header: Sequence[str]) -> float:
    return len(kind.signature & set(header)) / len(kind.signature)


def _has_signature(kind: Kind, header: Sequence[str]) -> bool:
    return not kind.signature or bool(kind.signature & set(header))


def _almost_fits(kind: Kind, header: Sequence[str]) -> bool:
    """One needed column is missing, and at least half of the others that the kind knows are there."""
    names = set(header)
    others = {column.name for column in kind.columns} - set(kind.needed)
    return (
        len(set(kind.needed) - names) == 1
        and 2 * len(others & names) >= len(others)
        and not kind.never & names
        and _has_signature(kind, header)
    )


def _require_commas(path: Path, header: str) -> None:
    """Raise LandingError for a file that would be ours if its columns were separated by commas."""
    for delimiter, spoken in _OTHER_DELIMITERS.items():
        names = [name.strip('"') for name in header.split(delimiter)]
        if _choose_by_header([kind for kind in _TABLES if _fits(kind, names)], names):
            raise _header_error(
                path, f"the columns are separated by {spoken}, expected commas", "write the file as CSV again"
            )
