"""What can be landed: the kinds of file, their columns, their keys (design section 3).

To add a source, declare its kinds in a module like `core` and list them in `recognise.KINDS` (docs/contributing.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loaders import csv_file
from loaders.reader import Bytes, Reading
from loaders.values import ColumnType


@dataclass(frozen=True)
class RowCheck:
    """A check of rows as a whole, whose values fit one by one.

    `suspects` takes the serialized values of all rows, by column, and returns a pa.BooleanArray of rows that may not
    fit. `find` takes the serialized values of one such row (None is NULL) and returns the column that does not fit the
    others and the reason; None when it fits.
    """

    suspects: Callable[[Mapping[str, Any]], Any]
    find: Callable[[Mapping[str, Any]], tuple[str, str] | None]


@dataclass(frozen=True)
class Column:
    """A column that Afterstate knows; a needed one must be in the header."""

    name: str
    type: ColumnType
    needed: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file. Its name is also the name of its table in the landing schema.

    A later row of the same `key` restates an earlier one; a kind without a key is stated as a whole: a file holds all
    that is known of its session and run (design section 3, rule 1). No row leaves its key empty, nor `filled`.

    `signature` are this kind's own columns, which tell where a header fits other kinds, too (none: the needed columns
    will do); `never` are columns that this kind never has, although it has everything else. `produced_as` is the
    producer's name for the file, as a pattern: it helps only where the header does not tell. `read` reads a file of
    this kind; `begins` are first lines that tell a kind which is not CSV. `check` looks at a row as a whole.
    """

    name: str
    produced_as: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    signature: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    read: Callable[[Bytes], Reading] = csv_file.read
    begins: tuple[str, ...] = ()
    check: RowCheck | None = None

    @property
    def is_stated_by_run(self) -> bool:
        """Whether a file belongs to a session and a run, and states all of it."""
        return not self.key

    def takes_empty(self, column: str) -> bool:
        """Whether a row may leave the column empty."""
        return column not in self.key and column not in self.filled

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there, in the order of the table."""
        return tuple(column.name for column in self.columns if column.needed)
