"""The checks of `afterstate doctor` that ask the server: schemas, settings, rights, locks, and whether it can work."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql

from afterstate.warehouse.accounts import compare_rights, have_wildcards
from afterstate.warehouse.build_lock import who_builds
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.finding import Check, CheckContext, Finding
from afterstate.warehouse.holders import find_holders, who_may_know
from afterstate.warehouse.layout import LAYERS, mart_names
from afterstate.warehouse.profile import LOOPBACK, ROLES
from afterstate.warehouse.requirements import FASTER_LANDING, MIB, SWITCH_ON, unmet

DUTIES = {"landing": "landing needs", "dbt": "building needs", "bi": "reading the marts needs"}
LEAST_SORT_BUFFER = 8 * MIB
LONG_IDLE_SECONDS = 60


def _charset(context: CheckContext) -> Iterator[Finding]:
    if context.warehouse.schemas.is_one_database:
        yield from _table_collations(context)
        return
    exact = context.engine.exact_collation
    with open_cursor(context.warehouse.dbt) as cursor:
        for schema in context.warehouse.schemas.all():
            cursor.execute(
                "select default_character_set_name, default_collation_name from information_schema.schemata "
                "where schema_name = %s",
                (schema,),
            )
            row = cursor.fetchone()
            if row == ("utf8mb4", exact):
                yield Finding("ok", f"schema `{schema}`: utf8mb4, {exact}")
            elif row:
                fix = f"alter database `{schema}` character set utf8mb4 collate {exact};  -- then land again"
                yield Finding("bad", f"schema `{schema}` is {row[0]}, {row[1]}: keys could be mixed up", fix)
            else:
                yield Finding("bad", f"there is no schema `{schema}`", "`afterstate up` makes it")


def _table_collations(context: CheckContext) -> Iterator[Finding]:
    """Check the warehouse's own tables; the database's default is its owner's business."""
    schemas, exact = context.warehouse.schemas, context.engine.exact_collation
    own = _own_tables(context)
    blind = sorted(table for table, collation in own.items() if collation != exact)
    for table in blind:
        fix = f"alter table `{schemas.marts}`.`{table}` convert to character set utf8mb4 collate {exact};"
        yield Finding("bad", f"table `{table}` is {own[table]}: keys could be mixed up", fix)
    if not blind:
        yield Finding("ok", f"one database, `{schemas.marts}`; all {len(own)} tables of the warehouse are {exact}")


def _own_tables(context: CheckContext) -> dict[str, str]:
    """Return the warehouse's own tables in its one database, each with its collation."""
    schemas, marts = context.warehouse.schemas, mart_names(context.settings.root)
    prefixes = tuple(map(schemas.prefix, LAYERS[1:]))
    with open_cursor(context.warehouse.dbt) as cursor:
        cursor.execute(
            "select table_name, table_collation from information_schema.tables "
            "where table_schema = %s and table_type = 'BASE TABLE'",
            (schemas.marts,),
        )
        found = cursor.fetchall()
    return {table: collation for table, collation in found if table in marts or table.startswith(prefixes)}


def _required_settings(context: CheckContext) -> Iterator[Finding]:
    for item in unmet(context.variables):
        yield Finding("bad", item.what, item.fix)
    if context.variables["local_infile"] == "ON":
        yield Finding("ok", "local_infile is on: landing can stream into LOAD DATA LOCAL")
    else:
        yield Finding("note", f"local_infile is off: landing goes by INSERT; {FASTER_LANDING}", SWITCH_ON)


def _time_zone(context: CheckContext) -> Iterator[Finding]:
    zone = context.variables["time_zone"]
    shown = f"SYSTEM ({context.variables['system_time_zone']})" if zone == "SYSTEM" else zone
    yield Finding("ok", f"the server's time zone is {shown}; every time in the warehouse is written in UTC")


def _buffers(context: CheckContext) -> Iterator[Finding]:
    packet, buffer = (int(context.variables[name]) for name in ("max_allowed_packet", "sort_buffer_size"))
    if buffer < LEAST_SORT_BUFFER:
        fix = "dbt sets it for its own sessions; for your own queries: set global sort_buffer_size = 268435456;"
        yield Finding("note", f"sort_buffer_size is {buffer} bytes: windows over millions of rows will be slow", fix)
    else:
        yield Finding("ok", f"sort_buffer_size is {buffer // MIB} MiB, max_allowed_packet {packet // MIB} MiB")


def _tls(context: CheckContext) -> Iterator[Finding]:
    account = context.warehouse.dbt
    with open_cursor(account) as cursor:
        cursor.execute("show session status like 'Ssl_cipher'")
        cipher = cursor.fetchone()[1]
    if account.unix_socket or account.server in LOOPBACK:
        yield Finding("ok", "the connection stays on this machine")
    elif not cipher:
        yield Finding("bad", "the connection is not encrypted", "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL")
    elif account.ssl_verify_cert:
        yield Finding("ok", f"the connection is encrypted ({cipher}), and the server's certificate is verified")
    else:
        fix = "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL, then run `afterstate up`"
        yield Finding("note", f"the connection is encrypted ({cipher}), but its certificate is not verified", fix)


def _privileges(context: CheckContext) -> Iterator[Finding]:
    """Compare what each account may do with what its role is."""
    schemas = context.warehouse.schemas
    if len({getattr(context.warehouse, role).username for role in ROLES}) < len(ROLES):
        fix = "`afterstate up --print-sql` prints what an administrator can run for accounts that do less"
        yield Finding("note", "one account does all the work: BI's login, too, can read and change everything", fix)
        return
    for role in ROLES:
        account = getattr(context.warehouse, role)
        with open_cursor(account) as cursor:
            wildcards = have_wildcards(cursor, context.engine)
            compared = compare_rights(cursor, account.username, role, schemas, wildcards)
        for privilege, place in compared.lacking:
            said = f"`{account.username}` lacks {privilege} on {place}"
            yield Finding("bad", said, "`afterstate up` renews the accounts and their rights")
        for privilege, place in compared.beyond:
            said = f"`{account.username}` has {privilege} on {place}, which is beyond its role"
            yield Finding("bad", said, "`afterstate up` takes it back")
        if not compared.lacking and not compared.beyond:
            yield Finding("ok", f"`{account.username}` may do what {DUTIES[role]}, and nothing else")


def _work(context: CheckContext) -> Iterator[Finding]:
    """Try to read and write: rights do not help where tables are missing or the server is read-only."""
    probe = context.warehouse.table("staging", "afterstate_doctor_probe")
    loads = context.warehouse.table("landing", "landing_loads")
    trials = (
        (context.warehouse.landing, f"select 1 from {loads} limit 1", "list landed files"),
        (context.warehouse.dbt, f"create or replace view {probe} as select 1 as one", "create views"),
        (context.warehouse.dbt, f"drop view if exists {probe}", "drop views"),
    )
    for account, statement, what in trials:
        try:
            with open_cursor(account) as cursor:
                cursor.execute(statement)
        except pymysql.MySQLError as error:
            fix = "`afterstate up` makes what is missing; a server that is read-only is its administrator's to change"
            yield Finding("bad", f"`{account.username}` cannot {what}: {error.args[-1]}", fix)
        else:
            yield Finding("ok", f"`{account.username}` can {what}")


def _locks(context: CheckContext) -> Iterator[Finding]:
    """Find who builds, and who keeps builds from replacing tables."""
    schemas = context.warehouse.schemas
    with open_cursor(context.warehouse.dbt) as cursor:
        builder = who_builds(cursor, schemas)
    if builder:
        yield Finding("note", f"a build is running: {builder}")
    own = _own_tables(context) if schemas.is_one_database else None
    held = find_holders(who_may_know(context.settings, context.warehouse), schemas.all(), tables=own)
    long = [holder for holder in held.holders if holder.is_idle and holder.seconds >= LONG_IDLE_SECONDS]
    for holder in long:
        holds = "holds a lock that builds wait for" if held.is_certain else "may hold a lock that builds wait for"
        fix = f"let it commit or close, or end it: kill {holder.connection_id}"
        yield Finding("bad" if held.is_certain else "note", f"{holder} {holds}", fix)
    if not long:
        known = "" if held.is_certain or held.holders else f", as far as `{held.asked}` can see"
        yield Finding("ok", f"nobody keeps a table from being replaced{known}")


SERVER_CHECKS: tuple[Check, ...] = (
    _charset,
    _required_settings,
    _buffers,
    _time_zone,
    _tls,
    _privileges,
    _locks,
    _work,
)
