"""The server that is published into: tables filled beside their places, one swap for all, views over them.

All of it goes over one connection of dbt's account, which holds a seat of the build lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.types import NullType

from afterstate.errors import AfterstateError, LandingError
from afterstate.publish.lake import MADE
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

Batches = Callable[[Sequence[str]], Iterable[pa.RecordBatch]]


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

    def fill(self, mart: Mart, there: Sequence[str], batches: Batches) -> int:
        """Make a mart's table beside its place, with all rows, and return their number.

        `there` are the lake's columns, `batches` returns their rows. Raises AfterstateError unless the lake has the
        contract's columns, and the server stores each value as it is.
        """
        beside = mart.beside("new")
        self.ask(f"drop table if exists {beside}")
        self.ask(f"create table {beside} {mart.ddl}")
        types = {str(row[0]): str(row[1]) for row in self.ask(f"show columns from {beside}")}
        _require_columns(mart, there, list(types))
        columns = [Column(name, mysql.JSON() if type_ == "json" else NullType()) for name, type_ in types.items()]
        table = Table(mart.beside_name("new"), MetaData(), *columns, schema=mart.schema)
        send = load_data if self.has_load_data else insert_lines
        lines = Lines(mart.name, batches(list(types)), quotes_all=not self.has_load_data)
        try:
            with prefetched(lines) as blocks:
                stored = send(self._connection, table, list(types), {}, packets(blocks))
        except LandingError as error:
            raise AfterstateError(
                f"{mart.name}: {error.reason}; nothing was published",
                error.hint if error.failure == "too_long" else "build the lake with the Afterstate that publishes",
            ) from error
        self._raw.commit()
        if stored != lines.count:
            raise AfterstateError(
                f"{mart.name}: the server stored {stored:,} of {lines.count:,} rows; nothing was published",
                "run the same command again",
            )
        return stored

    def prepare_swap(self, marts: Sequence[Mart], notes: Sequence[Note]) -> Swap:
        """Write the notes of filled tables beside those that are there, and return what swaps all of them in."""
        place, new, old = (f"{self._notes_place[:-1]}{ending}`" for ending in ("", "__dbt_new", "__dbt_old"))
        self.ask(f"drop table if exists {new}")
        with self._raw.cursor() as cursor:
            write_notes(cursor, new, self._engine, place if self._has_notes else None, notes)
        self._raw.commit()
        steps = [(mart.place, mart.beside("new"), mart.beside("old"), self.has(mart)) for mart in marts]
        steps.append((place, new, old, self._has_notes))
        for place, _, old, is_there in steps:
            self.ask(f"drop table if exists {old}")
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
        with self._raw.cursor() as cursor:
            write_note(cursor, self._notes_place, note)
        self._raw.commit()
        self.notes[mart.name] = note


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
