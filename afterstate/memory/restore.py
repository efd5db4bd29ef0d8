"""`afterstate restore`: bring a backup, or the notebook's own snapshots, into a warehouse, beside what is there.

All of it is one transaction of dbt's account. What `memories` decides is done here: only rows that differ are touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from afterstate.errors import AfterstateError
from afterstate.memory.archive import Archive, Row, is_archive
from afterstate.memory.backup import LOADS, MEMORY, REJECTS, RETAKES
from afterstate.memory.memories import Memory, merge
from afterstate.memory.notebook_csv import read_notebook_csv
from afterstate.memory.retake import BEGIN, who_asks
from afterstate.memory.snapshots import KEY, READERS, built
from afterstate.progress import Advance, counted, ignore_progress
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.published import require_built_here

BATCH = 1000


@dataclass(frozen=True)
class Restored:
    """What a restore has changed: how many rows came, and how many ids gave way."""

    snapshots: int
    retakes: int
    loads: int
    rejects: int
    renumbered: int
    contested: int


def restore(warehouse: Warehouse, file: Path, advance: Advance = ignore_progress) -> Restored:
    """Bring in a backup, or a CSV of the notebook's snapshots; doing it again changes nothing.

    `advance` is called with the number of rows read since its last call. Raises AfterstateError, and changes nothing,
    when the file is damaged, was made by a newer Afterstate or is neither of the two, and when the warehouse is not
    built yet.
    """
    archive = Archive(file) if is_archive(file) else None
    with built(warehouse.dbt) as cursor:
        require_built_here(cursor, warehouse.schemas)
        for statement in BEGIN:
            cursor.execute(statement)
        work = _Restore(cursor, warehouse)
        if archive is None:
            return work.bring(Memory(read_notebook_csv(file)))
        memory, retakes, loads, rejects = (
            counted(archive.rows(name), advance) for name in (MEMORY, RETAKES, LOADS, REJECTS)
        )
        snapshots = work.bring(Memory(list(memory), list(retakes)))
        return replace(
            snapshots,
            loads=work.add(LOADS, loads, ("load_id", "started_at")),
            rejects=work.add(REJECTS, rejects, ("load_id", "load_started_at")),
        )


class _Restore:
    """One restore's work, over one transaction."""

    def __init__(self, cursor: Any, warehouse: Warehouse) -> None:
        self._cursor = cursor
        self._audit = partial(warehouse.table, "audit")
        self._memory, self._retakes = (warehouse.table("marts", name) for name in (MEMORY, RETAKES))
        self._built = warehouse.table("staging", "int_landing__built_loads")

    def bring(self, brought: Memory) -> Restored:
        """Make one memory of the warehouse's and the one that is brought."""
        here = Memory(self._read(self._memory), self._read(self._retakes))
        columns = self._columns(self._memory)
        brought = Memory(_with(columns, brought.snapshots), _with(self._columns(self._retakes), brought.retakes))
        self._cursor.execute("select utc_timestamp(6)")
        (now,) = self._cursor.fetchone()
        merged = merge(here, brought, now, who_asks())
        self._keep_ids_apart(merged.memory)
        snapshots = self._change(self._memory, "id", here.snapshots, merged.memory.snapshots)
        retakes = self._change(self._retakes, "snapshot_id", here.retakes, merged.memory.retakes)
        # The next build makes what reads snapshots again. By which rule a model was built is noted behind its name:
        # without that note it is built in full, also with designs that no file here is about.
        self._cursor.execute(f"delete from {self._built} where substring_index(model, ' ', 1) in %s", (READERS,))
        return Restored(snapshots, retakes, 0, 0, merged.renumbered, merged.contested)

    def add(self, table: str, rows: Iterable[Row], key: Sequence[str]) -> int:
        """Add rows of loads that neither landed here nor came with an earlier restore, and return their number."""
        self._cursor.execute(
            f"select load_id, started_at from {self._audit('landing_loads')} "
            f"union select {', '.join(key)} from {self._audit(table)}"
        )
        known = set(self._cursor.fetchall())
        news = (row for row in rows if tuple(row[name] for name in key) not in known)
        return self._insert(self._audit(table), news)

    def _read(self, table: str) -> list[Row]:
        self._cursor.execute(f"select * from {table} for update")
        names = [column[0] for column in self._cursor.description]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def _columns(self, table: str) -> list[str]:
        self._cursor.execute(f"select * from {table} limit 0")
        return [str(column[0]) for column in self._cursor.description]

    def _keep_ids_apart(self, memory: Memory) -> None:
        """Make the server count on from the highest id, so that no new snapshot gets the id of a former one.

        A row that comes and goes does that; ALTER TABLE would end the transaction.
        """
        highest = max(memory.meanings(), default=0)
        names = ("id", "snapshot_rule_id", *KEY, "event_taken_at")
        self._cursor.execute(f"select count(*) from {self._memory} where id >= %s", (highest,))
        if self._cursor.fetchone()[0] or not highest:
            return
        values = "%s, '', '', '', '', 0, utc_timestamp(6)"
        self._cursor.execute(f"insert into {self._memory} ({', '.join(names)}) values ({values})", (highest,))
        self._cursor.execute(f"delete from {self._memory} where id = %s", (highest,))

    def _change(self, table: str, key: str, before: Sequence[Row], after: Sequence[Row]) -> int:
        """Remove the rows that changed and add those that came, and return the number of these."""
        there, wanted = ({row[key]: row for row in rows} for rows in (before, after))
        gone = [number for number, row in there.items() if wanted.get(number) != row]
        if gone:
            self._cursor.executemany(f"delete from {table} where {key} = %s", [(number,) for number in gone])
        return self._insert(table, (row for number, row in wanted.items() if there.get(number) != row))

    def _insert(self, table: str, rows: Iterable[Row]) -> int:
        columns = self._columns(table)
        statement = f"insert into {table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"
        iterator, count = iter(rows), 0
        while batch := [tuple(row.get(name) for name in columns) for row in islice(iterator, BATCH)]:
            count += self._cursor.executemany(statement, batch)
        return count


def _with(columns: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """Complete rows of an older Afterstate, which may lack columns; refuse columns that are unknown here."""
    known = set(columns)
    whole = []
    for row in rows:
        if strange := sorted(set(row) - known):
            raise AfterstateError(
                f"the backup has the column `{strange[0]}`, which this warehouse lacks; nothing was restored",
                "upgrade Afterstate to the version that made the backup, run `afterstate build`, then restore again",
            )
        whole.append({name: row.get(name) for name in columns})
    return whole
