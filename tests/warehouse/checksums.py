"""What a mart holds, as one number: the same rows give the same, on any server and in any order.

Left out is what says when and by which load a row came, which no two warehouses have in common.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from pymysql.cursors import SSCursor

from afterstate.warehouse.connect import connect
from afterstate.warehouse.layout import LAYERS
from tests.bench import Bench

LEFT_OUT = (
    "first_landed_at",
    "last_landed_at",
    "snapshot_created_at",
    "event_taken_at",
    "trace_taken_at",
    "fallback_taken_at",
    "reservation_taken_at",
    "retaken_at",
    "load_id",
    "current_load_id",
    "trace_load_id",
    "fallback_load_id",
    "reservation_load_id",
)
TABLES = """
select table_name, group_concat('`', column_name, '`' order by column_name separator ', ')
from information_schema.columns
where table_schema = %s and column_name not in %s
group by table_name
order by table_name
"""


def mart_columns(bench: Bench) -> dict[str, str]:
    """Return the compared columns of each table of the marts' layer, reference tables included, as SQL lists them."""
    schemas = bench.warehouse.schemas
    others = tuple(prefix for layer in LAYERS if (prefix := schemas.prefix(layer)))  # in the marts' schema, too
    with closing(connect(bench.warehouse.bi)) as reader, reader.cursor() as cursor:
        cursor.execute("set session group_concat_max_len = 65536")
        cursor.execute(TABLES, (schemas.marts, LEFT_OUT))
        return {table: columns for table, columns in cursor.fetchall() if not table.startswith(others)}


def mart_checksums(bench: Bench) -> dict[str, str]:
    """Return `rows:checksum` of each of these tables, read as BI reads them."""
    found = {}
    with closing(connect(bench.warehouse.bi)) as reader:
        for table, columns in mart_columns(bench).items():
            with reader.cursor(SSCursor) as rows:
                rows.execute(f"select {columns} from `{bench.warehouse.schemas.marts}`.`{table}`")
                found[table] = checksum(rows)
    return found


def checksum(rows: Iterable[tuple[Any, ...]]) -> str:
    """Add up the rows' hashes; a float's repr is exact, and a row that is there twice counts twice."""
    total, number = 0, 0
    for row in rows:
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:16], "big")
        number += 1
    return f"{number}:{total % (1 << 128):032x}"
