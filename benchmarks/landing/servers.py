"""Private servers for the contenders, in temporary folders, by the product's own code, and the tables they land in.

Each landing begins alike: in tables just made or emptied, with nothing left for the server to write.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from afterstate.server.private import PrivateServer
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Credentials
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.up import bring_up
from benchmarks.landing.files import Landed
from tools.server_programs import server_program

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("mariadb", "mysql")
SCHEMA = "contenders"
FORMAT = (
    "character set utf8mb4 fields terminated by ',' optionally enclosed by '\"' escaped by '' "
    "lines terminated by '\\n' ignore 1 lines"
)
SETTLE_SECONDS, SETTLED_PAGES = 60, 100


@dataclass(frozen=True)
class Server:
    """A running private server with a warehouse."""

    engine: str
    home: Path
    admin: Credentials
    schemas: Schemas
    private: PrivateServer

    @property
    def version(self) -> str:
        """What the server calls itself."""
        return str(self.ask("select version()")[0][0])

    def ask(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator; give the last one's rows."""
        with open_cursor(self.admin) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def cpu_seconds(self) -> float:
        """Return what the server has taken so far."""
        process = self.private.process()
        times = process.cpu_times() if process else psutil.cpu_times()
        return float(times.user + times.system)

    def make_ready(self, kind: Landed, header: list[str]) -> None:
        """Empty the landing schema, make the contenders' tables again, and wait until the server has nothing to do."""
        landing = self.schemas.landing
        tables = self.ask(
            "select table_name from information_schema.tables "
            f"where table_schema = '{landing}' and table_name <> 'landing_schema'"
        )
        own = f"`{landing}`.{kind.table}"
        self.ask(
            *(f"truncate table `{landing}`.`{table}`" for (table,) in tables),
            f"drop database if exists {SCHEMA}",
            f"create database {SCHEMA} character set utf8mb4 collate {self._collation()}",
            # No column of its own has a key, so neither has the table.
            f"create table {SCHEMA}.plain select {self._columns(kind, header)} from {own} where false",
            f"create table {SCHEMA}.keyed like {own}",
        )
        self._settle()

    def _collation(self) -> str:
        found = self.ask(
            "select default_collation_name from information_schema.schemata "
            f"where schema_name = '{self.schemas.landing}'"
        )
        return str(found[0][0])

    def _columns(self, kind: Landed, header: list[str]) -> str:
        """Return the file's columns as our table has them; those that Afterstate does not know are texts."""
        known = self.known_columns(kind)
        return ", ".join(f"`{name}`" if name in known else f"cast(null as char(64)) as `{name}`" for name in header)

    def known_columns(self, kind: Landed) -> list[str]:
        """Return the kind's own columns, provenance left out."""
        rows = self.ask(
            "select column_name from information_schema.columns "
            f"where table_schema = '{self.schemas.landing}' and table_name = '{kind.table}' order by ordinal_position"
        )
        return [str(name) for (name,) in rows if not str(name).startswith("_")]

    def _settle(self) -> None:
        """Make the server write what is not on disk yet, so that no landing pays for the one before it."""
        names = ("innodb_max_dirty_pages_pct", "innodb_max_dirty_pages_pct_lwm")  # MySQL lowers the second with it
        before = {name: self.ask(f"select @@global.{name}")[0][0] for name in names}
        self.ask(f"set global {names[0]} = 0")
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._dirty_pages() > SETTLED_PAGES and time.monotonic() < deadline:
            time.sleep(0.1)
        self.ask(*(f"set global {name} = {value}" for name, value in before.items()))

    def _dirty_pages(self) -> int:
        return int(self.ask("show global status like 'Innodb_buffer_pool_pages_dirty'")[0][1])

    def checksum(self, table: str, columns: list[str]) -> int:
        """Return a checksum over a table's values, in no order."""
        texts = ", ".join(f"ifnull(cast(`{name}` as char), '<null>')" for name in columns)
        return int(self.ask(f"select sum(crc32(concat_ws('|', {texts}))) from {table}")[0][0])

    def count(self, table: str) -> int:
        """Return the number of a table's rows."""
        return int(self.ask(f"select count(*) from {table}")[0][0])


def plain_statements(file: Path, header: list[str]) -> list[str]:
    """Return the LOAD DATA statement into the file's own columns."""
    columns = ", ".join(f"`{name}`" for name in header)
    return [f"load data local infile '{file}' into table plain {FORMAT} ({columns})"]


def keyed_statements(file: Path, header: list[str], known: list[str]) -> list[str]:
    """Return LOAD DATA into a copy of our table: the server counts rows and makes the JSON of unknown columns."""
    columns = ", ".join(f"`{name}`" if name in known else f"@`{name}`" for name in header)
    others = [name for name in header if name not in known]
    pairs = ", ".join(f"'{name}', @`{name}`" for name in others)
    values = {
        "_load_id": "1",
        "_row_no": "(@row_no := @row_no + 1)",
        "_line_no": "@row_no + 1",
        "_other_columns": f"json_object({pairs})" if others else "null",
    }
    settings = ", ".join(f"{name} = {value}" for name, value in values.items())
    load = f"load data local infile '{file}' into table keyed {FORMAT} ({columns}) set {settings}"
    return ["set @row_no = 0", load]


@contextmanager
def running_server(engine: str) -> Iterator[Server]:
    """Start a server of that engine with a warehouse; stop it and remove it at the end."""
    program = server_program(engine)
    with tempfile.TemporaryDirectory(prefix="afterstate-") as folder:
        home = Path(folder)
        settings = Settings(ROOT, home, home / "profiles.yml", schema=None, server_url=None, server_program=program)
        private = PrivateServer(settings)
        try:
            warehouse = bring_up(settings, _quiet)
            yield Server(engine, home, private.start(_quiet), warehouse.schemas, private)
        finally:
            private.stop()


def _quiet(_: str) -> None:
    pass
