"""Publishing marts: tables whose version is not there yet are brought to it, all of them at once.

Where Delta tells what has changed, and it is not too much, rows are deleted and inserted in one transaction with the
notes of what the tables hold. Otherwise each such table is filled beside its place, and one RENAME TABLE swaps tables
and notes in, which the server does as a whole or not at all. Either way readers see all tables from before or all from
after, and a publish that dies has changed nothing; what it leaves beside is cleared by the next one. The build lock
keeps two publishes apart: the second finds the versions of the first noted, and has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pymysql

from afterstate.errors import AfterstateError
from afterstate.progress import Advance
from afterstate.publish.changes import Change, change_since
from afterstate.publish.lake import Batches, BuiltLake, LakeTable
from afterstate.publish.marts import Mart
from afterstate.publish.notes import Note
from afterstate.publish.owner import require_own
from afterstate.publish.server import Server, Swap
from afterstate.server.programs import Say
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.build_lock import BuildLock
from afterstate.warehouse.holders import LOCK_WAIT_TIMEOUT, find_holders, who_may_know
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.requirements import FASTER_LANDING, SWITCH_ON
from afterstate.warehouse.settings import Settings

PUBLISHED, UNCHANGED, ABSENT = "published", "unchanged", "absent"
# Rows that one transaction deletes and inserts; each takes twice as long as one that is swapped in. Few are no matter.
MOST_CHANGED, FEW = 1_000_000, 50_000
SWAPS = 5  # attempts; each waits a minute for readers
Counting = Callable[[int | None], AbstractContextManager[Advance]]
Origins = dict[Mart, LakeTable | None]


@dataclass(frozen=True)
class Result:
    """What became of a table or a view: `absent` where the lake lacks it, or what it reads."""

    name: str
    type: str
    status: str
    rows: int | None = None
    version: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return asdict(self)


class Publisher:
    """Publishes from one lake into one warehouse."""

    def __init__(self, settings: Settings, warehouse: Warehouse, lake: BuiltLake, say: Say) -> None:
        """Store where from and where to, and the callback for messages."""
        self._settings = settings
        self._warehouse = warehouse
        self._lake = lake
        self._say = say

    def publish(
        self, marts: Sequence[Mart], counting: Counting, *, replaces: bool = False, waits: bool = True
    ) -> list[Result]:
        """Publish what has changed, and return what became of each mart.

        `counting` takes how many rows there are, None where that is unknown; `replaces` the marts of another lake,
        `waits` for another publish or build. Raises AfterstateError, and changes nothing, when the marts are not the
        lake's to replace, or its rows cannot be read or stored as they are.
        """
        account = self._warehouse.dbt
        with (
            BuildLock(self._warehouse.schemas, account, "afterstate publish", self._say, waits=waits) as lock,
            sqlalchemy_engine(account, landing=True).connect() as connection,
        ):
            server = Server(self._warehouse, connection, lock.seat())
            require_own(server, self._warehouse, self._lake, marts, replaces=replaces)
            origins = {mart: self._lake.find(mart) for mart in marts if not mart.is_view}
            self._require_built(server, origins)
            changed = {
                mart: table for mart, table in origins.items() if table and not self._is_there(server, mart, table)
            }
            server.clear(list(origins))
            if changed and not self._change(server, changed, counting):
                swap = server.prepare_swap(list(changed), self._fill(server, changed, counting))
                self._swap(server, swap, [lock.connection_id, server.connection_id])
            made = {mart for mart in marts if mart.is_view and self._make_view(server, mart)}
            return [_result(server, mart, changed.keys() | made, origins.get(mart)) for mart in marts]

    def _require_built(self, server: Server, origins: Origins) -> None:
        """Raise AfterstateError when the lake has no marts, or less than another lake whose marts it replaces."""
        built = {mart.name for mart, table in origins.items() if table}
        if not any(table and mart.origin != "landing" for mart, table in origins.items()):
            raise AfterstateError(
                f"{self._lake.uri}: nothing is built in this lake in the schema `{self._lake.schema}`",
                "`./script/spark build` builds it (docs/scale.md); `--lake-schema` names another schema",
            )
        others = {note.name for note in server.notes.values() if note.lake_id != self._lake.lake_id and note.table_id}
        if lacking := sorted(others - built):
            raise AfterstateError(
                f"`{lacking[0]}` is published from another lake, and would not be from this one; nothing was changed",
                "build all of the lake, and publish it without `--select` and `--exclude`",
            )

    def _is_there(self, server: Server, mart: Mart, table: LakeTable) -> bool:
        """Return whether the server holds this version of a table, made from this contract."""
        note = server.notes.get(mart.name)
        return note is not None and server.has(mart) and self._here(note) == self._note(mart, table, note.row_count)

    def _here(self, note: Note) -> Note:
        """Return a note as it is where the lake is now: one that has moved is the same."""
        return replace(note, lake=self._lake.uri)

    def _note(self, mart: Mart, table: LakeTable | None, rows: int | None) -> Note:
        id_, version = (table.table_id, table.version) if table else ("", None)
        return Note(mart.name, self._lake.uri, self._lake.lake_id, id_, version, mart.ddl_sha256, rows)

    def _change(self, server: Server, changed: dict[Mart, LakeTable], counting: Counting) -> bool:
        """Write what has changed in one transaction; return False, and do nothing, where it is unknown or too much."""
        changes = {mart: change for mart, table in changed.items() if (change := self._change_of(server, mart, table))}
        if len(changes) < len(changed) or not self._is_little(server, changes):
            return False
        for mart, table in changed.items():
            server.require_columns(mart, table.columns)
        notes = []
        with counting(sum(change.rows for change in changes.values())) as advance:
            keys = {
                mart: server.take_keys(mart, _Counted(change.removed, advance)) if change.removed else None
                for mart, change in changes.items()
            }
            for mart, change in changes.items():
                more = server.replace_rows(mart, keys[mart], _Counted(change.added, advance))
                if more is None:
                    server.rollback()
                    return False
                notes.append(self._note(mart, changed[mart], (server.notes[mart.name].row_count or 0) + more))
        server.commit(notes)
        return True

    def _is_little(self, server: Server, changes: dict[Mart, Change]) -> bool:
        """Return whether changes are less to write than all rows of their tables, and fit a transaction."""
        there = {mart: server.notes[mart.name].row_count or 0 for mart in changes}
        rows = sum(change.rows + (0 if change.removed else there[mart]) for mart, change in changes.items())
        return rows <= min(MOST_CHANGED, max(FEW, sum(there.values()) // 2))

    def _change_of(self, server: Server, mart: Mart, table: LakeTable) -> Change | None:
        """Return what has changed since what is there was published; None where that is not this table at all."""
        note = server.notes.get(mart.name)
        if note is None or note.version is None or not server.has(mart):
            return None
        if self._here(replace(note, version=table.version)) != self._note(mart, table, note.row_count):
            return None
        change = change_since(table, note.version)
        return change if change and (change.removed is None or server.key(mart)) else None

    def _fill(self, server: Server, changed: dict[Mart, LakeTable], counting: Counting) -> list[Note]:
        """Fill the tables beside their places, and return what is to be noted of them."""
        if not server.has_load_data:
            self._say(f"the server's local_infile is off, so rows go by INSERT; {FASTER_LANDING}.\n  {SWITCH_ON}")
        counts = [table.count() for table in changed.values()]
        with counting(None if None in counts else sum(filter(None, counts))) as advance:
            return [
                self._note(mart, table, server.fill(mart, table.columns, _Counted(table.batches, advance)))
                for mart, table in changed.items()
            ]

    def _swap(self, server: Server, swap: Swap, own: Sequence[int]) -> None:
        """Swap the filled tables in, and say who keeps them from it; raises what the server says in the end."""
        for attempt in range(1, SWAPS + 1):
            try:
                server.swap(swap)
                return
            except pymysql.err.OperationalError as error:
                if error.args[0] != LOCK_WAIT_TIMEOUT or attempt == SWAPS:
                    raise
                accounts, schemas = who_may_know(self._settings, self._warehouse), self._warehouse.schemas.all()
                held = find_holders(accounts, schemas, statement=swap.statement, but_not=own)
                self._say(f"waiting to put the tables in place: {held.advice}")

    def _make_view(self, server: Server, mart: Mart) -> bool:
        """Make a view that is not there as it is to be, if what it reads is; return whether it was made."""
        note, noted = self._note(mart, None, None), server.notes.get(mart.name)
        is_there = noted is not None and server.has(mart) and self._here(noted) == note
        if is_there or not server.notes.keys() >= set(mart.reads):
            return False
        server.make_view(mart, note)
        return True


@dataclass(frozen=True)
class _Counted:
    """Batches that advance the progress."""

    batches: Batches
    advance: Advance

    def __call__(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self.batches(columns):
            yield batch
            self.advance(batch.num_rows)


def _result(server: Server, mart: Mart, new: set[Mart], table: LakeTable | None) -> Result:
    note = server.notes.get(mart.name)
    if not note or not (table or mart.is_view):
        return Result(mart.name, mart.type, ABSENT)
    return Result(mart.name, mart.type, PUBLISHED if mart in new else UNCHANGED, note.row_count, note.version)
