"""One build of a warehouse at a time: a named lock of the server, held by a connection of the building process.

The server releases the lock once that connection has ended, however the process ended. What the process left behind,
the next build clears before it begins: statements that the server is still at (it does not notice that nobody waits for
their end), and tables that were not swapped in. Each connection of a build takes a seat, a numbered lock of its own, by
which the next build finds those that are still at work.

Anybody on the server may take a lock of any name: this keeps builds apart, and nobody out.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Any

import pymysql

from afterstate.errors import AfterstateError
from afterstate.server.programs import Say
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.layout import Schemas, table_names
from afterstate.warehouse.profile import Credentials
from afterstate.warehouse.published import require_built_here
from afterstate.warehouse.settings import Settings

LOCK_NAME_CHARACTERS = 64  # MySQL's limit
SEATS = 64  # more than threads, which dbt has four of
WAIT_SECONDS = 60  # after which a waiting build says again for whom
END_SECONDS = 0.1
# A build may take hours, during which this connection is idle; the server's own timeout may be minutes.
IDLE_SECONDS = 2_147_483
NO_SUCH_THREAD, NOT_ITS_OWNER = 1094, 1095
UNFINISHED, REPLACED = "__dbt_new", "__dbt_old"
ENDINGS = (UNFINISHED, REPLACED)
NAMED_AFTER = 50  # characters of its target that the name of such a table has (macros/adapter/swap_in.sql)
BUILT_LAYERS = ("marts", "staging", "audit")


class BuildRefused(AfterstateError):
    """Another build of the warehouse is running, and this one was not to wait."""


@dataclass(frozen=True)
class Builder:
    """Who builds: a connection of the server, and what its process says of itself, where that is known."""

    connection_id: int
    person: str = ""
    process_id: int = 0
    command: str = ""
    started_at: datetime | None = None

    def __str__(self) -> str:
        """Return who it is, and since when."""
        if not self.started_at:
            return f"connection {self.connection_id} of the server (`show processlist` lists it)"
        return f"{self.person}, process {self.process_id} (`{self.command}`), since {self.started_at:%F %T} UTC"


class BuildLock:
    """The lock of one warehouse; a context in which nobody else builds it."""

    def __init__(self, schemas: Schemas, account: Credentials, command: str, say: Say, *, waits: bool = True) -> None:
        """Store the layout, the account that builds, its command, the callback for messages, and whether to wait."""
        self._account = account
        self._schemas = schemas
        self._command = command
        self._say = say
        self._waits = waits
        self._name = lock_name(schemas.marts)
        self._seats = cycle(range(1, SEATS + 1))
        self._held: Any = None

    def __enter__(self) -> BuildLock:
        """Wait for the lock and clear what an earlier holder left; raises BuildRefused, or ServerError."""
        self._held = connect(self._account)
        try:
            self._held.autocommit(True)
            self._ask(f"set session wait_timeout = {IDLE_SECONDS}")
            if not self._taken(0):
                self._wait()
            self._end_others()
            self._sign()
            self._clear_tables()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End what is still at work, as after Ctrl-C, and release the lock."""
        try:
            for connection_id in self._seated():
                self.end(connection_id)
        except pymysql.MySQLError:
            pass  # the server has gone, and all of it with it
        finally:
            self._held.close()

    def seat(self) -> str:
        """Return what a connection of this build asks before anything else: (who has the lock, 1 if it has a seat)."""
        return f"select is_used_lock('{self._name}'), get_lock('{self._seat(next(self._seats))}', 0)"

    def require_built_here(self) -> None:
        """Raise MartsArePublished where the marts come from a lake, and not from builds."""
        with open_cursor(self._account) as cursor:  # not the lock's, which may be lost
            require_built_here(cursor, self._schemas)

    @property
    def connection_id(self) -> int:
        """The connection that holds the lock."""
        return int(self._held.thread_id())

    def end(self, connection_id: int) -> None:
        """End a connection of this account, and the statement that it is at."""
        try:
            self._ask(f"kill {connection_id}")
        except pymysql.MySQLError as error:
            if error.args[0] not in (NO_SUCH_THREAD, NOT_ITS_OWNER):
                raise

    def _seat(self, number: int) -> str:
        return f"{self._name} {number}"

    def _taken(self, seconds: int) -> bool:
        return bool(self._ask(f"select get_lock('{self._name}', {seconds})")[0][0])

    def _wait(self) -> None:
        announced: Builder | None = None
        while True:
            with self._held.cursor() as cursor:
                builder = who_builds(cursor, self._schemas)
            if builder and not self._waits:
                raise BuildRefused(
                    f"another build of `{self._schemas.marts}` is running: {builder}",
                    "run this again when it has finished, or without `--no-wait` to wait for it",
                )
            if builder and builder != announced:
                self._say(f"waiting for another build of `{self._schemas.marts}`: {builder}")
                announced = builder
            if self._taken(WAIT_SECONDS if self._waits else 0):
                return

    def _seated(self) -> Sequence[int]:
        """Return the connections that have a seat."""
        seats = ", ".join(f"is_used_lock('{self._seat(number)}')" for number in range(1, SEATS + 1))
        return [int(seated) for seated in self._ask(f"select {seats}")[0] if seated]

    def _end_others(self) -> None:
        """End the statements of a build that has ended; they would write beside ours."""
        announced: Sequence[int] = ()
        while seated := self._seated():
            for connection_id in seated:
                self.end(connection_id)
            time.sleep(END_SECONDS)
            if announced and seated != announced:
                names = ", ".join(map(str, seated))
                self._say(f"waiting for the server to end statements of an earlier build: connections {names}")
            announced = announced or seated

    def _sign(self) -> None:
        """Record who holds the lock, for those who wait; without the record, they still see its connection."""
        place = self._schemas.table("staging", "build_lock")
        values = (self.connection_id, _person(), os.getpid(), self._command)
        with suppress(pymysql.MySQLError):
            ((version,),) = self._ask("select version()")
            self._ask(
                f"create table if not exists {place} (id int primary key, connection_id bigint not null, "
                "person varchar(320) not null, process_id bigint not null, command varchar(255) not null, "
                "started_at datetime(6) not null) "
                f"character set utf8mb4 collate {Engine.from_version(version).exact_collation} "
                "comment 'One row: the build that holds the lock, or was the last to'"
            )
            self._ask(f"replace into {place} values (1, %s, %s, %s, %s, utc_timestamp(6))", values)

    def _clear_tables(self) -> None:
        """Drop the tables that a build before was killed over, whether their models still exist or not."""
        there = self._ask(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in %s and table_type = 'BASE TABLE'",
            ([self._schemas.schema(layer) for layer in BUILT_LAYERS],),
        )
        if self._schemas.is_one_database:
            there = [(schema, name) for schema, name in there if name in self._own_names()]
        targets = {(schema, name[:NAMED_AFTER]) for schema, name in there}
        for schema, name in there:
            # What was replaced goes only where what replaced it is there.
            is_replaced = name.endswith(REPLACED) and (schema, name.removesuffix(REPLACED)) in targets
            if name.endswith(UNFINISHED) or is_replaced:
                self._ask(f"drop table if exists `{schema}`.`{name}`")

    def _own_names(self) -> set[str]:
        """Return the names that a build's tables can have in a database in which others have theirs."""
        tables = table_names(Settings.from_environment().root)
        aliases = [self._schemas.prefix(layer) + name for layer in BUILT_LAYERS for name in tables[layer]]
        return {name for alias in aliases for name in (alias, *(alias[:NAMED_AFTER] + end for end in ENDINGS))}

    def _ask(self, statement: str, values: Any = None) -> Sequence[Any]:
        with self._held.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


def lock_name(schema: str) -> str:
    """Name the lock of the warehouse whose marts are in this schema; seats are named after it."""
    name = f"afterstate build {schema}"
    if len(name) + len(f" {SEATS}") <= LOCK_NAME_CHARACTERS:
        return name
    return f"afterstate build {hashlib.sha256(schema.encode()).hexdigest()[:32]}"


def who_builds(cursor: Any, schemas: Schemas) -> Builder | None:
    """Return who holds a warehouse's lock, None when nobody does; the cursor's account must read the staging schema."""
    cursor.execute("select is_used_lock(%s)", (lock_name(schemas.marts),))
    holder = cursor.fetchone()[0]
    if holder is None:
        return None
    try:
        cursor.execute(
            "select connection_id, person, process_id, command, started_at "
            f"from {schemas.table('staging', 'build_lock')} where connection_id = %s",
            (holder,),
        )
        signed = cursor.fetchone()
    except pymysql.MySQLError:
        signed = None
    return Builder(*signed) if signed else Builder(int(holder))


def _person() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        user = str(os.getuid())
    return f"{user}@{platform.node()}"
