"""The report's heat maps: how often each used key met each true one, and which operation was proposed at which key."""

from __future__ import annotations

from typing import Any

from afterstate.marts import phase_key_sql as sql
from afterstate.warehouse.layout import Schemas


def read_keys(cursor: Any, schemas: Schemas) -> dict[str, list[list[Any]]]:
    """Return [boundary, session, run, row, column, count] of both heat maps, over all proposals."""
    return {
        "pairs": _rows(cursor, sql.key_pairs(schemas)),
        "operations": _rows(cursor, sql.state_operations(schemas)),
    }


def _rows(cursor: Any, statement: str) -> list[list[Any]]:
    cursor.execute(statement)
    return [list(row) for row in cursor.fetchall()]
