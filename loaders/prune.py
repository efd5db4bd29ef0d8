"""Pruning: the rows of superseded and withdrawn loads, which no mart reads any more, leave the landing schema.

The manifest keeps such a load, as `pruned`, and landing_rejects what of it never landed: the file stays known by its
content and does not land again, unless it was withdrawn. Each load is pruned in one transaction, or not
at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from afterstate.warehouse.connect import detect, engine
from afterstate.warehouse.profile import Warehouse
from loaders.kinds import Kind
from loaders.tables import LandingTables, landing_tables

PRUNED = "pruned"
PRUNEABLE = ("superseded", "withdrawn")


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


class Pruner:
    """Tells what can be pruned in one warehouse, and prunes it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._engine = engine(warehouse.landing)
        collation = detect(warehouse.landing).exact_collation
        self._tables: LandingTables = landing_tables(warehouse.schemas, collation)

    def superseded(self, kind: Kind | None = None) -> Sequence[Superseded]:
        """Return the superseded and withdrawn loads, of one kind or of all, the oldest first."""
        loads = self._tables.loads
        names = ("load_id", "kind", "session_id", "run_id", "file_path", "rows_landed", "status")
        wanted = select(*(loads.c[name] for name in names)).where(loads.c.status.in_(PRUNEABLE))
        if kind:
            wanted = wanted.where(loads.c.kind == kind.name)
        with self._engine.connect() as connection:
            return [Superseded(*row) for row in connection.execute(wanted.order_by(loads.c.load_id))]

    def prune(self, load: Superseded) -> int:
        """Remove a load's rows and give their number: none when somebody else has pruned it meanwhile."""
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
