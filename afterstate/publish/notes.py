"""Notes on published tables: each names the lake, the table there and the version that it holds.

The notes are swapped in by the statement that swaps the tables in, so they are never ahead of the rows, nor behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import pymysql

from afterstate.warehouse.engines import Engine
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.published import NO_SUCH_TABLE, NOTES

DDL = (
    "(name varchar(64) primary key, lake text not null, lake_id varchar(64) not null, table_id varchar(64) not null, "
    "version bigint, ddl_sha256 char(64) not null, row_count bigint, published_at datetime(6) not null)"
)


@dataclass(frozen=True)
class Note:
    """What is published as one table or view; a view has no version and no rows of its own."""

    name: str
    lake: str
    lake_id: str
    table_id: str
    version: int | None
    ddl_sha256: str
    row_count: int | None


NAMES = ", ".join(field.name for field in fields(Note))


def read_notes(cursor: Any, schemas: Schemas) -> dict[str, Note]:
    """Return the notes by the names of what is published, none where nothing is."""
    try:
        cursor.execute(f"select {NAMES} from {schemas.table('staging', NOTES)}")
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        return {}
    return {row[0]: Note(*row) for row in cursor.fetchall()}


def write_notes(cursor: Any, place: str, engine: Engine, former: str | None, notes: Sequence[Note]) -> None:
    """Make a table of notes: these, and what the former one says of other names."""
    cursor.execute(
        f"create table {place} {DDL} character set utf8mb4 collate {engine.exact_collation} "
        "comment 'One row for each table and view that `afterstate publish` has made from a lake'"
    )
    if former:
        cursor.execute(f"insert into {place} select * from {former}")
    for note in notes:
        write_note(cursor, place, note)


def write_note(cursor: Any, place: str, note: Note) -> None:
    """Write a note, in the place of an earlier one of its name."""
    values = ", ".join(["%s"] * len(fields(Note)))
    cursor.execute(f"replace into {place} ({NAMES}, published_at) values ({values}, utc_timestamp(6))", astuple(note))
