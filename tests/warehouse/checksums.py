"""What a mart holds, as one number: the same rows give the same, on any server and in any order.

Left out is what says when and by which load a row came, which no two warehouses have in common. A snapshot's number is
its place among all: those that a server gives out have gaps, Spark's have none.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from contextlib import closing
from operator import itemgetter
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
IDS = ("id", "snapshot_id")  # of a snapshot
COLUMNS = """
select table_name, column_name
from information_schema.columns
where table_schema = %s and column_name not in %s
order by table_name, column_name
"""
RANKS = """
left join (
    select id as ranked_id, row_number() over (order by id) as snapshot_rank
    from {marts}.shutdown_snapshot_memory
) as ranks on mart.`{id}` = ranks.ranked_id
"""


def mart_queries(bench: Bench) -> dict[str, str]:
    """Return a query for the compared columns of each table of the marts' layer, reference tables included.

    `{marts}` in it is the marts' schema.
    """
    schemas = bench.warehouse.schemas
    others = tuple(prefix for layer in LAYERS if (prefix := schemas.prefix(layer)))  # in the marts' schema, too
    with closing(connect(bench.warehouse.bi)) as reader, reader.cursor() as cursor:
        cursor.execute(COLUMNS, (schemas.marts, LEFT_OUT))
        found = itertools.groupby(cursor.fetchall(), key=itemgetter(0))
        columns = {table: [name for _, name in rows] for table, rows in found if not table.startswith(others)}
    return {table: _query(table, names) for table, names in columns.items()}


def _query(table: str, columns: list[str]) -> str:
    texts = ", ".join("ranks.snapshot_rank" if name in IDS else f"mart.`{name}`" for name in columns)
    ranks = "".join(RANKS.replace("{id}", name) for name in columns if name in IDS)
    return f"select {texts} from {{marts}}.{table} as mart {ranks}"


def mart_checksums(bench: Bench) -> dict[str, str]:
    """Return `rows:checksum` of each of these tables, read as BI reads them."""
    found = {}
    with closing(connect(bench.warehouse.bi)) as reader:
        for table, query in mart_queries(bench).items():
            with reader.cursor(SSCursor) as rows:
                rows.execute(bench.sql(query))
                found[table] = checksum(rows)
    return found


def checksum(rows: Iterable[tuple[Any, ...]]) -> str:
    """Add up the rows' hashes; a float's repr is exact, and a row that is there twice counts twice."""
    total, number = 0, 0
    for row in rows:
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:16], "big")
        number += 1
    return f"{number}:{total % (1 << 128):032x}"
