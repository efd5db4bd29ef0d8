"""The landing tables of a lake: one Delta table per kind, the manifest `landing_loads`, and `landing_rejects`.

They lie in `URI/landing/NAME`, partitioned by load: a load's rows are files of their own, so that whoever reads some
loads reads no other's. Columns are those of the landing schema (loaders/tables.py); texts have no lengths here, since
what does not fit never lands.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from afterstate.errors import LandingError, UsageError
from loaders.encode import OTHER_COLUMNS
from loaders.kinds import Kind
from loaders.lake.reason import CREDENTIALS, reason_of
from loaders.recognise import KINDS

LOADS, REJECTS = "landing_loads", "landing_rejects"
UTC = pa.timestamp("us", tz="UTC")
LOADS_SCHEMA = pa.schema(
    [
        pa.field("load_id", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("folder", pa.string(), nullable=False),
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("file_bytes", pa.int64(), nullable=False),
        pa.field("content_sha256", pa.string(), nullable=False),
        pa.field("header", pa.string(), nullable=False),
        pa.field("rows_read", pa.int64(), nullable=False),
        pa.field("rows_landed", pa.int64(), nullable=False),
        pa.field("rows_rejected", pa.int64(), nullable=False),
        pa.field("started_at", UTC, nullable=False),
        pa.field("finished_at", UTC),
        pa.field("status", pa.string(), nullable=False),
        pa.field("withdrawn_at", UTC),
        pa.field("notes", pa.string()),
    ]
)
REJECTS_SCHEMA = pa.schema(
    [
        pa.field("load_id", pa.int64(), nullable=False),
        pa.field("row_no", pa.int32(), nullable=False),
        pa.field("line_no", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("column_name", pa.string()),
        pa.field("value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("row_text", pa.string(), nullable=False),
    ]
)


def rows_schema(kind: Kind) -> pa.Schema:
    """Return the columns of a kind's landing table."""
    known = [
        pa.field(column.name, column.type.arrow_type, nullable=kind.takes_empty(column.name)) for column in kind.columns
    ]
    return pa.schema(
        [
            pa.field("_load_id", pa.int64(), nullable=False),
            pa.field("_row_no", pa.int32(), nullable=False),
            pa.field("_line_no", pa.int32(), nullable=False),
            *known,
            pa.field(OTHER_COLUMNS, pa.string()),
        ]
    )


def place_of(uri: str) -> str:
    """Return where a lake is, as delta-rs takes it: a URL, or a folder in full; raises UsageError for an empty name."""
    if not uri.strip():
        raise UsageError("`--lake` is empty", "expected a folder, or a URL such as s3://bucket/lake")
    return uri.rstrip("/") if "://" in uri else str(Path(uri).expanduser().resolve())


class Lake:
    """The tables of one lake; `uri` is a folder or what delta-rs opens, such as `s3://bucket/lake`.

    Credentials of an object store come from the environment, under the names that delta-rs documents.
    """

    def __init__(self, uri: str) -> None:
        """Make the tables that are missing; raises LandingError when the place cannot be reached."""
        self.uri = place_of(uri)
        try:
            self._make(LOADS, LOADS_SCHEMA, [])
            self._make(REJECTS, REJECTS_SCHEMA, ["load_id"])
            for kind in KINDS:
                self._make(kind.name, rows_schema(kind), ["_load_id"])
        except (DeltaError, OSError) as error:
            raise LandingError(
                f"{uri}: the lake cannot be opened: {reason_of(error)}",
                f"expected a folder that can be written, or a URL such as s3://bucket/lake; {CREDENTIALS}",
                failure="connection",
            ) from error

    def place(self, name: str) -> str:
        """Return where a landing table is."""
        return f"{self.uri}/landing/{name}"

    def table(self, name: str) -> DeltaTable:
        """Open a landing table as it is now."""
        return DeltaTable(self.place(name))

    def _make(self, name: str, schema: pa.Schema, partition_by: list[str]) -> None:
        try:
            self.table(name)
        except TableNotFoundError:
            options: dict[str, Any] = {"partition_by": partition_by} if partition_by else {}
            # As the first commit or not at all: of several loaders that find it missing, one makes it.
            alone = CommitProperties(max_commit_retries=0)
            try:
                DeltaTable.create(self.place(name), schema, name=name, commit_properties=alone, **options)
            except DeltaError:
                if not DeltaTable.is_deltatable(self.place(name)):
                    raise


class OpenTables(threading.local):
    """A lake's tables as one thread has them open, so that it reads of their logs only what is new."""

    def __init__(self, lake: Lake) -> None:
        """Open none yet."""
        self._lake = lake
        self._tables: dict[str, DeltaTable] = {}

    def latest(self, name: str) -> DeltaTable:
        """Return a table as it is now."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = self._lake.table(name)
        else:
            table.update_incremental()
        return table
