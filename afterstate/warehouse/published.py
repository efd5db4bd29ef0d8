"""Marts that come from a lake: where a warehouse notes what was published, and what may not be done there.

A warehouse's marts are built from rows that it landed, or published from a lake; never both.
"""

from __future__ import annotations

from typing import Any

import pymysql

from afterstate.errors import AfterstateError
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Warehouse

NOTES = "published_tables"
NO_SUCH_TABLE, NO_SUCH_SCHEMA = 1146, 1049


class MartsArePublished(AfterstateError):
    """What was asked for would be undone by the next publish, or needs what stays in the lake."""


def published_from(cursor: Any, schemas: Schemas) -> str | None:
    """Return the lake that a warehouse's marts were published from last, None where they are built from landed rows."""
    try:
        cursor.execute(f"select lake from {schemas.table('staging', NOTES)} order by published_at desc limit 1")
    except pymysql.err.MySQLError as error:
        if error.args[0] in (NO_SUCH_TABLE, NO_SUCH_SCHEMA):
            return None
        raise
    found = cursor.fetchone()
    return str(found[0]) if found else None


def require_built_here(cursor: Any, schemas: Schemas) -> None:
    """Raise MartsArePublished where a build, or what changes the memory, would be undone by the next publish."""
    lake = published_from(cursor, schemas)
    if lake is not None:
        raise MartsArePublished(
            f"the marts of `{schemas.marts}` are published from the lake {lake}; nothing was changed",
            "land and build there, then `afterstate publish` (docs/scale.md); what lands on a server is built in a "
            "warehouse of its own: `AFTERSTATE_SCHEMA=NAME afterstate up`",
        )


def require_landed_here(warehouse: Warehouse) -> None:
    """Raise MartsArePublished where a command needs landed rows, and those stay in a lake."""
    with open_cursor(warehouse.dbt) as cursor:
        lake = published_from(cursor, warehouse.schemas)
    if lake is not None:
        raise MartsArePublished(
            f"the marts of `{warehouse.schemas.marts}` are published; what landed, which this command needs, is in the "
            f"lake {lake}",
            "a BI tool reads the marts: `afterstate url --bi`",
        )
