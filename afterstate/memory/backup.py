"""`afterstate backup`: what no file of the producers can rebuild, in one file of its own.

That is the memory with its ids and times, what snapshots said before they were taken again, which files had landed, and
the rows that did not fit. It is read in one transaction, so that the tables fit together whatever goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pymysql

from afterstate.errors import AfterstateError
from afterstate.marts.sessions import BUILD_FIRST, NO_SUCH_TABLE
from afterstate.memory.archive import Row, write_archive
from afterstate.memory.snapshots import NO_SUCH_COLUMN
from afterstate.progress import Advance, counted, ignore_progress
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.profile import Warehouse

MEMORY, RETAKES, LOADS, REJECTS = (
    "shutdown_snapshot_memory",
    "shutdown_snapshot_retakes",
    "restored_loads",
    "restored_rejects",
)
LOAD_COLUMNS = (
    "load_id, kind, session_id, run_id, file_path, file_bytes, content_sha256, header, rows_read, rows_landed, "
    "rows_rejected, started_at, finished_at, status, withdrawn_at, notes"
)
REJECT_COLUMNS = "row_no, line_no, kind, file_path, column_name, value, reason, row_text"


def count_rows(warehouse: Warehouse) -> int | None:
    """Return about how many rows a backup will have; None when the warehouse is not built yet."""
    tables = [warehouse.table("marts", name) for name in (MEMORY, RETAKES)]
    tables += [warehouse.table("audit", name) for name in (LOADS, REJECTS, "landing_loads", "landing_rejects")]
    try:
        with open_cursor(warehouse.dbt) as cursor:
            cursor.execute("select " + " + ".join(f"(select count(*) from {table})" for table in tables))
            return int(cursor.fetchone()[0])
    except (pymysql.err.ProgrammingError, pymysql.err.OperationalError):
        return None


def back_up(warehouse: Warehouse, file: Path, advance: Advance = ignore_progress) -> dict[str, int]:
    """Write a backup of the warehouse and return the number of rows of each table.

    `advance` is called with the number of rows written since its last call. Raises AfterstateError when the warehouse
    is not built yet, or the file is there or cannot be written.
    """
    with closing(connect(warehouse.dbt)) as connection:
        try:
            with connection.cursor() as cursor:
                cursor.execute("set session transaction isolation level repeatable read")
                cursor.execute("start transaction with consistent snapshot, read only")
            statements = _statements(warehouse)
            tables = {name: counted(_rows(connection, texts), advance) for name, texts in statements.items()}
            return write_archive(file, tables)
        except (pymysql.err.ProgrammingError, pymysql.err.OperationalError) as error:
            if error.args[0] not in (NO_SUCH_TABLE, NO_SUCH_COLUMN):
                raise
            raise AfterstateError("the warehouse is not built yet: nothing to back up", BUILD_FIRST) from error


def _statements(warehouse: Warehouse) -> dict[str, tuple[str, ...]]:
    """Return what goes into each table of a backup: what was restored before belongs to it, too.

    One statement after the other, not a UNION: a header is JSON here and a text there, in collations that do not mix.
    """
    marts, audit = partial(warehouse.table, "marts"), partial(warehouse.table, "audit")
    rejects = ", ".join(f"rejects.{name}" for name in REJECT_COLUMNS.split(", "))
    return {
        MEMORY: (f"select * from {marts(MEMORY)} order by id",),
        RETAKES: (f"select * from {marts(RETAKES)} order by snapshot_id",),
        LOADS: tuple(
            f"select {LOAD_COLUMNS} from {audit(table)} order by started_at, load_id"
            for table in (LOADS, "landing_loads")
        ),
        REJECTS: (
            f"select * from {audit(REJECTS)} order by load_started_at, load_id, row_no",
            f"select rejects.load_id, loads.started_at as load_started_at, {rejects} "
            f"from {audit('landing_rejects')} as rejects "
            f"inner join {audit('landing_loads')} as loads on rejects.load_id = loads.load_id "
            "order by load_started_at, load_id, row_no",
        ),
    }


def _rows(connection: Any, statements: tuple[str, ...]) -> Iterator[Row]:
    for statement in statements:
        with connection.cursor(pymysql.cursors.SSDictCursor) as cursor:
            cursor.execute(statement)
            yield from cursor
