"""Pruning: remove the rows of superseded and withdrawn loads, which no mart reads any more.

The manifest keeps such a load, as `pruned`, and landing_rejects what of it never landed: the file stays known by its
content and does not land again, unless it was withdrawn. Each load is pruned in one transaction, or not
at all. A load from which tables are still built stays until the next build, which needs its rows to see what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import pymysql
from sqlalchemy import delete, select, update

from afterstate.server.programs import Say
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.build_lock import BuildLock
from afterstate.warehouse.connect import detect, open_cursor
from afterstate.warehouse.profile import Warehouse
from loaders.kinds import Kind
from loaders.tables import LandingTables, landing_tables

PRUNED = "pruned"
PRUNEABLE = ("superseded", "withdrawn")
NO_SUCH_TABLE = 1146


@dataclass(frozen=True)
class Superseded:
    """A load whose rows can go."""

    load_id: int
    kind: str
    session_id: str
    run_id: str
    file_path: str
    rows_landed: int
    status: str


@dataclass(frozen=True)
class Plan:
    """What can be pruned, and how many loads have to wait for a build."""

    loads: Sequence[Superseded]
    waiting: int


class Pruner:
    """Finds what can be pruned in one warehouse, and prunes it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._engine = sqlalchemy_engine(warehouse.landing)
        collation = detect(warehouse.landing).exact_collation
        self._tables: LandingTables = landing_tables(warehouse.schemas, collation)

    def plan(self, kind: Kind | None = None, *, say: Say | None = None) -> Plan:
        """Return what can be pruned, of one kind or of all, the oldest first.

        With `say`, wait for a running build, and report whose it is: tables may be built from what it reads now.
        Without it, do not wait.
        """
        place = (self._warehouse.schemas, self._warehouse.dbt)
        with BuildLock(*place, "afterstate prune", say) if say else nullcontext():
            loads, built = self._superseded(kind), self._built()
        free = [load for load in loads if load.load_id not in built]
        return Plan(free, len(loads) - len(free))

    def _built(self) -> set[int]:
        """Return the loads that tables are built from, none when nothing was ever built."""
        built_loads = self._warehouse.table("staging", "int_landing__built_loads")
        try:
            with open_cursor(self._warehouse.dbt) as cursor:
                cursor.execute(f"select distinct load_id from {built_loads} where model not like '% without'")
                return {int(load_id) for (load_id,) in cursor.fetchall()}
        except pymysql.err.ProgrammingError as error:
            if error.args[0] != NO_SUCH_TABLE:
                raise
            return set()

    def _superseded(self, kind: Kind | None) -> Sequence[Superseded]:
        loads = self._tables.loads
        names = ("load_id", "kind", "session_id", "run_id", "file_path", "rows_landed", "status")
        wanted = select(*(loads.c[name] for name in names)).where(loads.c.status.in_(PRUNEABLE))
        if kind:
            wanted = wanted.where(loads.c.kind == kind.name)
        with self._engine.connect() as connection:
            return [Superseded(*row) for row in connection.execute(wanted.order_by(loads.c.load_id))]

    def prune(self, load: Superseded) -> int:
        """Remove a load's rows and return their number: none when somebody else has pruned it meanwhile."""
        loads, rows = self._tables.loads, self._tables.rows[load.kind]
        with self._engine.begin() as connection:
            marked = connection.execute(
                update(loads)
                .where(loads.c.load_id == load.load_id, loads.c.status.in_(PRUNEABLE))
                .values(status=PRUNED)
            )
            if not marked.rowcount:
                return 0
            return int(connection.execute(delete(rows).where(rows.c["_load_id"] == load.load_id)).rowcount)
