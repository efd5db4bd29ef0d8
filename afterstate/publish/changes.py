"""What has changed in a table of the lake since a version: rows of files that Delta has removed, and of those it added.

Delta never changes a file; it writes another. A rewritten file has rows that are the same again: they are removed and
added, too. Where the former version cannot be read any more (`vacuum` has cleared it away), nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from afterstate.publish.lake import Batches, LakeTable, readable


@dataclass(frozen=True)
class Change:
    """Rows that have gone (`removed`; None is all of them) and that have come, and how many these are."""

    removed: Batches | None
    added: Batches
    rows: int


def change_since(origin: LakeTable, version: int) -> Change | None:
    """Return what has changed in a table since a version of it; None where that is unknown."""
    rows = origin.count()
    if origin.loads is not None:  # what is visible there depends on another table
        return Change(None, origin.batches, rows) if rows is not None else None
    try:
        before = DeltaTable(origin.table.table_uri, version=version)
        former, files = _files(before), _files(origin.table)
        added = [file for name, file in files.items() if name not in former]
        count = sum(file.count_rows() for file in added)
        if not former.keys() & files.keys():
            return Change(None, _Rows(added, origin), count)
        removed = [file for name, file in former.items() if name not in files]
        count += sum(file.count_rows() for file in removed)
        return Change(_Rows(removed, origin), _Rows(added, origin), count)
    except (DeltaError, OSError, pa.ArrowException):
        return None


def _files(table: DeltaTable) -> dict[str, Any]:
    """Return the files of a version by their names; raises DeltaError where rows are deleted within files."""
    if "deletionVectors" in (table.protocol().reader_features or ()):
        raise DeltaError("rows may be deleted within files")
    return {file.path: file for file in table.to_pyarrow_dataset().get_fragments()}


@dataclass(frozen=True)
class _Rows:
    """The rows of some files."""

    files: Sequence[Any]
    origin: LakeTable

    def __call__(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        names = {name.lower(): name for name in self.origin.columns}
        wanted = [names[column.lower()] for column in columns]
        schema = self.origin.table.to_pyarrow_dataset().schema
        with readable(self.origin.table.table_uri):
            for file in self.files:
                for batch in file.to_batches(schema=schema, columns=wanted, batch_readahead=1):
                    yield batch.rename_columns(list(columns))
