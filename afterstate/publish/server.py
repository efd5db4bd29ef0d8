"""The server that is published into: tables filled beside their places, one swap for all, views over them.

All of it goes over one connection of dbt's account, which holds a seat of the build lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.types import NullType

from afterstate.errors import AfterstateError, LandingError
from afterstate.publish.lake import MADE, Batches
from afterstate.publish.lines import Lines
from afterstate.publish.marts import Mart
from afterstate.publish.notes import Note, read_notes, write_note, write_notes
from afterstate.warehouse.connect import LandingConnection
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.published import NOTES
from loaders.load import packets
from loaders.prefetch import prefetched
from loaders.send import insert_lines, load_data


@dataclass(frozen=True)
class Swap:
    """The statement that swaps tables in, what it puts beside them, and the notes that it swaps in."""

    statement: str
    replaced: Sequence[str]
    notes: Sequence[Note]


class Server:
    """One publish's work on a server."""

    def __init__(self, warehouse: Warehouse, connection: Connection, seat: str) -> None:
        """Read what is there; `seat` is what a connection under the build lock asks first."""
        self._connection = connection
        self._raw = cast(LandingConnection, connection.connection.driver_connection)
        self._schemas = warehouse.schemas
        self._notes_place = warehouse.table("staging", NOTES)
        self.ask(seat)
        ((version, self.has_load_data),) = self.ask("select version(), @@global.local_infile")
        self._engine = Engine.from_version(version)
        with self._raw.cursor() as cursor:
            self.notes = read_notes(cursor, self._schemas)
        self.there = {
            (schema, name): kind == "VIEW"
            for schema, name, kind in self.ask(
                "select table_schema, table_name, table_type from information_schema.tables where table_schema in %s",
                (self._schemas.all(),),
            )
        }
        self._has_notes = (self._schemas.staging, self._schemas.prefix("staging") + NOTES) in self.there

    @property
    def connection_id(self) -> int:
        """The connection's number on the server."""
        return int(self._raw.thread_id())

    def ask(self, statement: str, values: Any = None) -> Sequence[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self._raw.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def has(self, mart: Mart) -> bool:
        """Return whether there is a table, or a view, as the mart is one."""
        return self.there.get((mart.schema, mart.identifier)) is mart.is_view

    def has_rows(self, mart: Mart) -> bool:
        """Return whether a table is there and not empty."""
        return self.has(mart) and bool(self.ask(f"select 1 from {mart.place} limit 1"))

    def clear(self, marts: Sequence[Mart]) -> None:
        """Drop what a publish that was killed has left beside tables."""
        notes = self._schemas.prefix("staging") + NOTES
        beside = [(mart.schema, mart.beside_name(what)) for mart in marts for what in ("new", "old")]
        for schema, name in [*beside, *((self._schemas.staging, f"{notes}__dbt_{what}") for what in ("new", "old"))]:
            if (schema, name) in self.there:
                self.ask(f"drop table `{schema}`.`{name}`")

    def fill(self, mart: Mart, there: Sequence[str], batches: Batches) -> int:
        """Make a mart's table beside its place, with all rows, and return their number.

        `there` are the lake's columns, `batches` returns their rows. Raises AfterstateError unless the lake has the
        contract's columns, and the server stores each value as it is.
        """
        beside = mart.beside("new")
        self.ask(f"create table {beside} {mart.ddl}")
        columns = self._columns(beside)
        _require_columns(mart, there, list(columns))
        stored = self._send(mart, mart.beside_name("new"), columns, batches)
        self._raw.commit()
        return stored

    def take_keys(self, mart: Mart, batches: Batches) -> int:
        """Make a temporary table with the primary keys of rows that have gone, and return their number."""
        keys = mart.beside("gone")
        listed = ", ".join(f"`{name}`" for name in self.key(mart))
        self.ask(
            f"create temporary table {keys} (primary key ({listed})) as select {listed} from {mart.place} where false"
        )
        stored = self._send(mart, mart.beside_name("gone"), self._columns(keys), batches)
        self._raw.commit()
        return stored

    def replace_rows(self, mart: Mart, keys: int | None, batches: Batches) -> int | None:
        """Delete the rows whose keys were taken, all without keys, and insert others, in the caller's transaction.

        Returns how many rows there are more; None where a row that was to go was not there.
        """
        place, former = mart.place, self.notes[mart.name].row_count
        if keys is None:
            deleted = int(self._raw.query(f"delete from {place}"))
        elif keys:
            same = " and ".join(f"{place}.`{name}` = gone.`{name}`" for name in self.key(mart))
            joined = f"{mart.beside('gone')} as gone straight_join {place}"
            deleted = int(self._raw.query(f"delete {place} from {joined} on {same}"))
        else:
            deleted = 0
        if deleted != (former if keys is None else keys):
            return None
        return self._send(mart, mart.identifier, self._columns(place), batches) - deleted

    def require_columns(self, mart: Mart, there: Sequence[str]) -> None:
        """Raise AfterstateError unless the lake has the columns of a mart's table."""
        _require_columns(mart, there, list(self._columns(mart.place)))

    def key(self, mart: Mart) -> list[str]:
        """Return the columns of a table's primary key."""
        return [str(row[4]) for row in self.ask(f"show index from {mart.place} where key_name = 'PRIMARY'")]

    def commit(self, notes: Sequence[Note]) -> None:
        """Commit rows, and what is to be noted of them."""
        with self._raw.cursor() as cursor:
            for note in notes:
                write_note(cursor, self._notes_place, note)
        self._raw.commit()
        self.notes.update({note.name: note for note in notes})

    def rollback(self) -> None:
        """Leave everything as it was before the transaction."""
        self._raw.rollback()

    def _columns(self, place: str) -> dict[str, str]:
        """Return a table's columns with their types."""
        return {str(row[0]): str(row[1]) for row in self.ask(f"show columns from {place}")}

    def _send(self, mart: Mart, name: str, columns: dict[str, str], batches: Batches) -> int:
        """Send rows into a table beside a mart, or the mart's own, and return their number.

        Raises AfterstateError unless the server stores each value as it is.
        """
        described = [
            Column(column, mysql.JSON() if type_ == "json" else NullType()) for column, type_ in columns.items()
        ]
        table = Table(name, MetaData(), *described, schema=mart.schema)
        send = load_data if self.has_load_data else insert_lines
        lines = Lines(mart.name, batches(list(columns)), quotes_all=not self.has_load_data)
        try:
            with prefetched(lines) as blocks:
                stored = send(self._connection, table, list(columns), {}, packets(blocks))
        except LandingError as error:
            raise AfterstateError(
                f"{mart.name}: {error.reason}; nothing was published",
                error.hint if error.failure == "too_long" else "build the lake with the Afterstate that publishes",
            ) from error
        if stored != lines.count:
            raise AfterstateError(
                f"{mart.name}: the server stored {stored:,} of {lines.count:,} rows; nothing was published",
                "run the same command again",
            )
        return stored

    def prepare_swap(self, marts: Sequence[Mart], notes: Sequence[Note]) -> Swap:
        """Write the notes of filled tables beside those that are there, and return what swaps all of them in."""
        place, new, old = (f"{self._notes_place[:-1]}{ending}`" for ending in ("", "__dbt_new", "__dbt_old"))
        with self._raw.cursor() as cursor:
            write_notes(cursor, new, self._engine, place if self._has_notes else None, notes)
        self._raw.commit()
        steps = [(mart.place, mart.beside("new"), mart.beside("old"), self.has(mart)) for mart in marts]
        steps.append((place, new, old, self._has_notes))
        for place, _, _, is_there in steps:
            if not is_there:
                self.ask(f"drop view if exists {place}")  # a release may make a table of it
        renames = [
            (f"{place} to {old}, " if is_there else "") + f"{new} to {place}" for place, new, old, is_there in steps
        ]
        return Swap(f"rename table {', '.join(renames)}", [old for _, _, old, is_there in steps if is_there], notes)

    def swap(self, swap: Swap) -> None:
        """Show the new tables to everybody, all at once, and drop the old ones."""
        self.ask(swap.statement)
        self.notes.update({note.name: note for note in swap.notes})
        for old in swap.replaced:
            self.ask(f"drop table {old}")

    def make_view(self, mart: Mart, note: Note) -> None:
        """Make a view in its place, or as it is now."""
        if self.there.get((mart.schema, mart.identifier)) is False:
            self.ask(f"drop table {mart.place}")  # an older release's
        self.ask(f"create or replace view {mart.place} as {mart.ddl}")
        self.commit([note])


def _require_columns(mart: Mart, there: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise AfterstateError unless the lake has the columns of a mart's contract; of landing, it has others besides."""
    lake, contract = {name.lower() for name in there} | set(MADE), {name.lower() for name in wanted}
    differing = contract - lake if mart.origin == "landing" else contract ^ (lake - set(MADE))
    if differing:
        raise AfterstateError(
            f"{mart.name}: the lake and the contract have different columns: {', '.join(sorted(differing))}; nothing "
            "was published",
            "build the lake with the Afterstate that publishes: `./script/spark build --full-refresh`",
        )
