"""Which kind a file is, told from its header (design section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from loaders.errors import LandingError, UsageError
from loaders.landing.core import CORE_KINDS
from loaders.landing.kinds import Kind
from loaders.landing.reader import unprintable

KINDS: tuple[Kind, ...] = CORE_KINDS
_OTHER_DELIMITERS = {";": "`;`", "\t": "tabs", "|": "`|`"}


class UnknownFile(Exception):
    """The file is somebody else's; the text says what was looked for."""


def kind_named(name: str) -> Kind:
    """Give the kind of that name; raises UsageError when there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise UsageError(f"there is no kind `{name}`", f"expected one of: {', '.join(kind.name for kind in KINDS)}")


def recognise(path: Path, header: Sequence[str]) -> Kind:
    """Tell the kind of a file from its header.

    Raises UnknownFile for a file that is not ours, LandingError for one of ours that cannot be used as it is.
    """
    fitting = [kind for kind in KINDS if _fits(kind, header)]
    telling = [kind for kind in fitting if _tells(kind, header)]
    if telling:
        return telling[0]
    _require_commas(path, header)
    by_name = [kind for kind in KINDS if fnmatch(path.name, kind.produced_as)]
    for kind in by_name:
        if kind in fitting:
            return kind
    for kind in by_name or [kind for kind in KINDS if _almost_fits(kind, header)]:
        require_needed(path, kind, header)
    if fitting:
        names = " or ".join(kind.name for kind in fitting)
        raise UnknownFile(f"its header has the key of {names}, but none of their own columns; `--kind` names one")
    raise UnknownFile("its header is none that Afterstate knows" if header else "it is empty: there is no header")


def require_needed(path: Path, kind: Kind, header: Sequence[str]) -> None:
    """Raise LandingError when the header lacks a column that the kind needs."""
    expected = f"expected the columns {', '.join(kind.needed)} (in any order, others may follow)"
    if not header:
        raise LandingError(f"{path}: line 1: the file is empty, it should be a {kind.name}", expected)
    missing = [name for name in kind.needed if name not in header]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise LandingError(f"{path}: line 1: no column {names}, which a {kind.name} needs", expected)


def is_text(fields: Iterable[str]) -> bool:
    """Tell whether a header can be text at all."""
    return not any(unprintable(field) for field in fields)


def _fits(kind: Kind, header: Sequence[str]) -> bool:
    return set(kind.needed) <= set(header) and not kind.never & set(header)


def _tells(kind: Kind, header: Sequence[str]) -> bool:
    return not kind.signature or bool(kind.signature & set(header))


def _almost_fits(kind: Kind, header: Sequence[str]) -> bool:
    """One needed column is missing, and at least half of the others that the kind knows are there."""
    names = set(header)
    others = {column.name for column in kind.columns} - set(kind.needed)
    return (
        len(set(kind.needed) - names) == 1
        and 2 * len(others & names) >= len(others)
        and not kind.never & names
        and _tells(kind, header)
    )


def _require_commas(path: Path, header: Sequence[str]) -> None:
    """Raise LandingError for a file that would be ours if its columns were separated by commas."""
    for delimiter, spoken in _OTHER_DELIMITERS.items():
        names = header[0].split(delimiter) if len(header) == 1 else []
        if any(_fits(kind, names) and _tells(kind, names) for kind in KINDS):
            raise LandingError(
                f"{path}: line 1: the columns are separated by {spoken}, expected commas", "write the file as CSV again"
            )
