"""Who holds a lock that somebody waits for: the connection, its account and host, and since when.

A reader that leaves its transaction open keeps the tables that it has read from being replaced. What may be known of it
depends on the server and on the rights of who asks:

- for certain, both tell in performance_schema.metadata_locks, where it is on, to accounts that may read it;
- to accounts with PROCESS, both tell which connections have a transaction open, and may hold the lock;
- to any account, both tell which connections are its own.

The private server's administrator is asked first, then the warehouse's own accounts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql

from afterstate.errors import AfterstateError
from afterstate.server.private import PrivateServer
from afterstate.warehouse.connect import LOCK_WAIT_SECONDS, open_cursor
from afterstate.warehouse.profile import ROLES, Credentials, Warehouse
from afterstate.warehouse.settings import Settings

SHOWN = 5
LOCK_WAIT_TIMEOUT = 1205
DDL = re.compile(r"\s*(/\*.*?\*/)?\s*(rename|create|drop|alter|truncate)\b", re.IGNORECASE | re.DOTALL)
NAMED_LOCK = re.compile(r"get_lock\('([^']*)'", re.IGNORECASE)
PEOPLE = "p.id, p.user, p.host, p.command, p.time, utc_timestamp() - interval p.time second"
PROCESSES = "information_schema.processlist as p"
# Who has a table of some schemas open, and which.
HELD = f"""
    select {PEOPLE}, held.object_name
    from performance_schema.metadata_locks as held
    join performance_schema.threads as threads on threads.thread_id = held.owner_thread_id
    join {PROCESSES} on p.id = threads.processlist_id
    where held.lock_status = 'GRANTED' and held.object_type = 'TABLE' and held.object_schema in %(schemas)s
"""
# Who has the rows that a connection waits for: MySQL's place, and MariaDB's.
ROWS_HELD = (
    f"""
    select {PEOPLE}, null
    from performance_schema.data_lock_waits as waits
    join performance_schema.threads as waiting on waiting.thread_id = waits.requesting_thread_id
    join performance_schema.threads as blocking on blocking.thread_id = waits.blocking_thread_id
    join {PROCESSES} on p.id = blocking.processlist_id
    where waiting.processlist_id = %(waiting)s
    """,
    f"""
    select {PEOPLE}, null
    from information_schema.innodb_lock_waits as waits
    join information_schema.innodb_trx as waiting on waiting.trx_id = waits.requesting_trx_id
    join information_schema.innodb_trx as blocking on blocking.trx_id = waits.blocking_trx_id
    join {PROCESSES} on p.id = blocking.trx_mysql_thread_id
    where waiting.trx_mysql_thread_id = %(waiting)s
    """,
)
OPEN = f"""
    select {PEOPLE}, null
    from information_schema.innodb_trx as transactions
    join {PROCESSES} on p.id = transactions.trx_mysql_thread_id
"""
OWN = f"select {PEOPLE}, null from {PROCESSES} where p.user = substring_index(user(), '@', 1)"
BY_NUMBER = f"select {PEOPLE}, null from {PROCESSES} where p.id = is_used_lock(%(name)s)"
STATEMENT = f"select p.time, p.info from {PROCESSES} where p.id = %(waiting)s"


@dataclass(frozen=True)
class Holder:
    """A connection of the server that holds a lock, or may."""

    connection_id: int
    account: str
    host: str
    is_idle: bool
    seconds: int
    since: str
    table: str | None

    def __str__(self) -> str:
        """Return who it is and what it does."""
        doing = f"{'idle' if self.is_idle else 'at work'} since {self.since} UTC"
        table = f", on `{self.table}`" if self.table else ""
        return f"connection {self.connection_id} of `{self.account}` from {self.host}, {doing}{table}"


@dataclass(frozen=True)
class Held:
    """Who holds locks on a warehouse's tables, the longest idle first; `is_certain` when the server says so itself."""

    holders: Sequence[Holder]
    is_certain: bool
    asked: str

    @property
    def advice(self) -> str:
        """Who it is, what to do, and what cannot be known without more rights."""
        if not self.holders:
            return (
                f"`{self.asked}` may not see who holds the lock; an administrator can, in the processlist and in "
                "performance_schema.metadata_locks"
            )
        said = "the lock is held by" if self.is_certain else f"as far as `{self.asked}` can see, the lock is held by"
        shown = "\n    ".join(str(holder) for holder in self.holders[:SHOWN])
        fix = f"let it commit or close, or end it (kill {self.holders[0].connection_id}), then run this again"
        return f"{said}\n    {shown}\n  {fix}"


def who_may_know(settings: Settings, warehouse: Warehouse) -> list[Credentials]:
    """Return the accounts to ask, the one with the most rights first."""
    admin = PrivateServer(settings).admin()
    accounts = {account.username: account for account in (getattr(warehouse, role) for role in ROLES)}
    is_same = admin and (admin.server, admin.port) == (warehouse.dbt.server, warehouse.dbt.port)
    return [admin, *accounts.values()] if admin and is_same else list(accounts.values())


def find_holders(
    accounts: Sequence[Credentials],
    schemas: Sequence[str],
    *,
    statement: str | None = None,
    but_not: Collection[int] = (),
    tables: Collection[str] | None = None,
) -> Held:
    """Return who holds locks on the tables of some schemas, as far as one of the accounts may know.

    `statement` is the one that waited: DDL waits for whoever has its table open; others may wait for rows, and nothing
    is certain then. `but_not` are connections to leave out, `tables` those to look at where others have theirs beside.
    """
    ignored = set(but_not)
    if statement is None or DDL.match(statement):
        for account in accounts:
            rows = _ask(account, HELD, ignored, schemas=tuple(schemas))
            named = _holders([row for row in rows if _is_meant(str(row[-1]), statement, tables)], ignored)
            if named:
                return Held(named, is_certain=True, asked=account.username)
    for account in accounts:
        if holders := _holders(_ask(account, OPEN, ignored), ignored):
            return Held(holders, is_certain=False, asked=account.username)
    own = _holders([row for account in accounts for row in _ask(account, OWN, ignored)], ignored)
    return Held([holder for holder in own if holder.is_idle], is_certain=False, asked=accounts[0].username)


def who_blocks(accounts: Sequence[Credentials], waiting: int) -> str:
    """Return for whom a connection of one of the accounts waits, empty when its statement has not waited for long.

    `waiting` is the connection's number in the server's process list.
    """
    ignored = {waiting}
    for account in accounts:
        for seconds, statement in _ask(account, STATEMENT, ignored, waiting=waiting):
            if seconds < LOCK_WAIT_SECONDS - 1 or not statement or statement.lower().startswith("load data"):
                return ""
            if name := NAMED_LOCK.search(statement):
                blocking = _first(accounts, (BY_NUMBER,), ignored, name=name[1])
            else:
                blocking = _first(accounts, ROWS_HELD, ignored, waiting=waiting)
            if blocking:
                return f"waiting for {blocking}"
            return f"waiting: {find_holders(accounts, (), statement=statement, but_not=ignored).advice}"
    return ""


def _is_meant(table: str, statement: str | None, tables: Collection[str] | None) -> bool:
    return (statement is None or table in statement) and (tables is None or table in tables)


def _first(
    accounts: Sequence[Credentials], queries: Sequence[str], ignored: set[int], **values: object
) -> Holder | None:
    for query in queries:
        for account in accounts:
            if found := _holders(_ask(account, query, ignored, **values), ignored):
                return found[0]
    return None


def _ask(account: Credentials, query: str, ignored: set[int], **values: object) -> Sequence[Any]:
    """Return a query's rows, none where the account or the server cannot answer it.

    The asking connection joins those to ignore: the server lists it for a moment after it has closed.
    """
    try:
        with open_cursor(account) as cursor:
            ignored.add(cursor.connection.thread_id())
            cursor.execute(query, values or None)
            return list(cursor.fetchall())
    except (pymysql.MySQLError, AfterstateError):
        return []


def _holders(rows: Sequence[Any], ignored: Collection[int]) -> list[Holder]:
    found: dict[int, Holder] = {}
    for number, user, host, command, seconds, since, table in rows:
        if number not in ignored:
            holder = Holder(number, user, host, command == "Sleep", int(seconds), f"{since:%F %T}", table)
            found.setdefault(number, holder)
    return sorted(found.values(), key=lambda holder: (not holder.is_idle, -holder.seconds))
