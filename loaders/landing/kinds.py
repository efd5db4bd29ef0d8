"""What can be landed: the kinds of file, their columns, their keys (design section 3).

To add a source, declare its kinds in a module like `core` and list them in `KINDS`; nothing else names a kind.
"""

from __future__ import annotations

from dataclasses import dataclass

from loaders.landing.values import ColumnType


@dataclass(frozen=True)
class Column:
    """A column that Afterstate knows; a needed one must be in the header."""

    name: str
    type: ColumnType
    needed: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file. Its name is also the name of its table in the landing schema; no row leaves its key empty.

    `signature` are columns of which a header must have at least one (none: any header with the needed columns will
    do); `never` are columns that this kind never has, although it has everything else. `produced_as` is the producer's
    name for the file, as a pattern: it helps only where the header does not tell.
    """

    name: str
    produced_as: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    signature: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there, in the order of the table."""
        return tuple(column.name for column in self.columns if column.needed)
