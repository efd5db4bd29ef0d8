"""`afterstate doctor`: what could keep the warehouse from working, and how to mend each.

Each check looks at one thing and gives findings; nothing is changed.
"""

from __future__ import annotations

import shlex
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pymysql

from afterstate.errors import AccountRefused, AfterstateError, ServerError
from afterstate.memory.snapshot_health import examine_snapshots
from afterstate.warehouse.accounts import compare_rights, have_wildcards
from afterstate.warehouse.build_lock import who_builds
from afterstate.warehouse.connect import cursor, detect
from afterstate.warehouse.dbt import run_dbt
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.holders import find_holders, who_may_know
from afterstate.warehouse.layout import LAYERS, mart_names
from afterstate.warehouse.profile import LOOPBACK, ROLES, Connection, Warehouse, read_warehouse
from afterstate.warehouse.requirements import FASTER_LANDING, MIB, SWITCH_ON, VARIABLES, server_variables, unmet
from afterstate.warehouse.settings import Settings

DUTIES = {"landing": "landing needs", "dbt": "building needs", "bi": "reading the marts needs"}
LEAST_SORT_BUFFER = 8 * MIB
DBT_SERIES = "1.7"
REINSTALL = "`./script/setup` installs what the lock says again"
LONG_IDLE_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `level` is ok, note or bad; a bad one keeps something from working."""

    level: str
    what: str
    mend: str = ""


Check = Callable[["Patient"], Iterator[Finding]]


@dataclass(frozen=True)
class Patient:
    """What the checks look at."""

    settings: Settings
    warehouse: Warehouse
    engine: Engine
    variables: dict[str, str]


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what every check found; stops early when there is nothing to connect to."""
    try:
        warehouse = read_warehouse(settings)
    except AfterstateError as error:
        yield Finding("bad", error.what, error.hint)
        return
    yield Finding("ok", f"profile `{settings.profiles_path}` has the warehouse `{warehouse.schemas.marts}`")
    entry = list(_entry(warehouse))
    yield from entry
    if any(finding.level == "bad" for finding in entry):
        return
    patient = Patient(settings, warehouse, detect(warehouse.landing), _variables(warehouse.landing))
    for check in CHECKS:
        yield from check(patient)


def _entry(warehouse: Warehouse) -> Iterator[Finding]:
    """See whether a server that will do answers, and lets each account in."""
    accounts = {connection.username: connection for connection in (getattr(warehouse, role) for role in ROLES)}
    for connection in accounts.values():
        try:
            found = detect(connection)
            found.require_supported()
        except AccountRefused as error:
            yield Finding("bad", error.what, "`afterstate up` makes the account and its password anew")
        except ServerError as error:
            yield Finding("bad", error.what, error.hint)
            return
        else:
            yield Finding("ok", f"{found.title} at {connection.place} lets {connection.username} in")


def _profile_mode(patient: Patient) -> Iterator[Finding]:
    path = patient.settings.profiles_path
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        mend = f"chmod 600 {shlex.quote(str(path))}"
        yield Finding("bad", f"`{path}` holds passwords, and others may read it ({mode:04o})", mend)
    else:
        yield Finding("ok", "only its owner may read the profile")


def _adapter(patient: Patient) -> Iterator[Finding]:
    written = patient.warehouse.dbt.type
    if written == patient.engine.name:
        yield Finding("ok", f"dbt's adapter is `{written}`, as the server is")
    else:
        yield Finding(
            "bad", f"the profile says `{written}`, the server is {patient.engine.title}", "`afterstate up` mends it"
        )


def _own_dbt(patient: Patient) -> Iterator[Finding]:
    """See whether a checkout's `dbt` is ours (dbt_afterstate.py): installing or upgrading dbt-core puts its own there.

    A package leaves `dbt` alone, and builds by `afterstate build` only.
    """
    script = Path(sysconfig.get_path("scripts")) / "dbt"
    version = metadata.version("dbt-core")
    if not patient.settings.is_checkout:
        if not version.startswith(f"{DBT_SERIES}."):
            what = f"dbt-core is {version}, but dbt-mysql works with {DBT_SERIES} only"
            yield Finding("bad", what, f"`pip install 'dbt-core=={DBT_SERIES}.*'`")
    elif not script.exists() or "dbt_afterstate" not in script.read_text(encoding="utf-8", errors="replace"):
        what = f"`{script}` is not Afterstate's `dbt`: it connects without the profile's TLS and session settings"
        yield Finding("bad", what, REINSTALL)
    elif not version.startswith(f"{DBT_SERIES}."):
        yield Finding("bad", f"dbt-core is {version}, but dbt-mysql works with {DBT_SERIES} only", REINSTALL)
    else:
        yield Finding("ok", f"`dbt` is Afterstate's, with dbt-core {version}")


def _dbt(patient: Patient) -> Iterator[Finding]:
    # With --connection, dbt does not look for git, which nothing here needs.
    if run_dbt(patient.settings, "debug", ["--connection"], quiet=True):
        folder = shlex.quote(str(patient.settings.profiles_path.parent))
        target = shlex.quote(patient.warehouse.schemas.target)
        program = ".venv/bin/dbt" if patient.settings.is_checkout else f"{sys.executable} -m dbt_afterstate"
        mend = f"run `{program} debug --profiles-dir {folder} --target {target}`: it says why"
        yield Finding("bad", "dbt cannot use the profile", mend)
    else:
        yield Finding("ok", "dbt connects with the profile (`dbt debug`)")


def _charset(patient: Patient) -> Iterator[Finding]:
    if patient.warehouse.schemas.is_one_database:
        yield from _table_collations(patient)
        return
    exact = patient.engine.exact_collation
    with cursor(patient.warehouse.dbt) as ask:
        for schema in patient.warehouse.schemas.all():
            ask.execute(
                "select default_character_set_name, default_collation_name from information_schema.schemata "
                "where schema_name = %s",
                (schema,),
            )
            row = ask.fetchone()
            if row == ("utf8mb4", exact):
                yield Finding("ok", f"schema `{schema}`: utf8mb4, {exact}")
            elif row:
                mend = f"alter database `{schema}` character set utf8mb4 collate {exact};  -- then land again"
                yield Finding("bad", f"schema `{schema}` is {row[0]}, {row[1]}: unequal keys would be equal", mend)
            else:
                yield Finding("bad", f"there is no schema `{schema}`", "`afterstate up` makes it")


def _table_collations(patient: Patient) -> Iterator[Finding]:
    """See to the warehouse's own tables; the database's default is its owner's."""
    schemas, exact = patient.warehouse.schemas, patient.engine.exact_collation
    own = _own_tables(patient)
    blind = sorted(table for table, collation in own.items() if collation != exact)
    for table in blind:
        mend = f"alter table `{schemas.marts}`.`{table}` convert to character set utf8mb4 collate {exact};"
        yield Finding("bad", f"table `{table}` is {own[table]}: unequal keys would be equal", mend)
    if not blind:
        yield Finding("ok", f"one database, `{schemas.marts}`; all {len(own)} tables of the warehouse are {exact}")


def _own_tables(patient: Patient) -> dict[str, str]:
    """Return the warehouse's own tables in its one database, each with its collation."""
    schemas, marts = patient.warehouse.schemas, mart_names(patient.settings.root)
    prefixes = tuple(map(schemas.prefix, LAYERS[1:]))
    with cursor(patient.warehouse.dbt) as ask:
        ask.execute(
            "select table_name, table_collation from information_schema.tables "
            "where table_schema = %s and table_type = 'BASE TABLE'",
            (schemas.marts,),
        )
        return {table: collation for table, collation in ask.fetchall() if table in marts or table.startswith(prefixes)}


def _required_settings(patient: Patient) -> Iterator[Finding]:
    for item in unmet(patient.variables):
        yield Finding("bad", item.what, item.mend)
    if patient.variables["local_infile"] == "ON":
        yield Finding("ok", "local_infile is on: landing can stream into LOAD DATA LOCAL")
    else:
        yield Finding("note", f"local_infile is off: landing goes by INSERT; {FASTER_LANDING}", SWITCH_ON)


def _time_zone(patient: Patient) -> Iterator[Finding]:
    zone = patient.variables["time_zone"]
    shown = f"SYSTEM ({patient.variables['system_time_zone']})" if zone == "SYSTEM" else zone
    yield Finding("ok", f"the server's time zone is {shown}; every time in the warehouse is written in UTC")


def _buffers(patient: Patient) -> Iterator[Finding]:
    packet, buffer = (int(patient.variables[name]) for name in ("max_allowed_packet", "sort_buffer_size"))
    if buffer < LEAST_SORT_BUFFER:
        mend = "dbt sets it for its own sessions; for your own queries: set global sort_buffer_size = 268435456;"
        yield Finding("note", f"sort_buffer_size is {buffer} bytes: windows over millions of rows will be slow", mend)
    else:
        yield Finding("ok", f"sort_buffer_size is {buffer // MIB} MiB, max_allowed_packet {packet // MIB} MiB")


def _tls(patient: Patient) -> Iterator[Finding]:
    connection = patient.warehouse.dbt
    with cursor(connection) as ask:
        ask.execute("show session status like 'Ssl_cipher'")
        cipher = ask.fetchone()[1]
    if connection.unix_socket or connection.server in LOOPBACK:
        yield Finding("ok", "the connection stays on this machine")
    elif not cipher:
        yield Finding("bad", "the connection is not encrypted", "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL")
    elif connection.ssl_verify_cert:
        yield Finding("ok", f"the connection is encrypted ({cipher}), and the server's certificate is verified")
    else:
        mend = "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL, then run `afterstate up`"
        yield Finding("note", f"the connection is encrypted ({cipher}), but nobody checks whose server it is", mend)


def _privileges(patient: Patient) -> Iterator[Finding]:
    """Compare what each account may do with what its role is."""
    schemas = patient.warehouse.schemas
    if len({getattr(patient.warehouse, role).username for role in ROLES}) < len(ROLES):
        mend = "`afterstate up --print-sql` prints what an administrator can run for accounts that do less"
        yield Finding("note", "one account does it all: with BI's login, too, everything can be read and changed", mend)
        return
    for role in ROLES:
        connection = getattr(patient.warehouse, role)
        with cursor(connection) as ask:
            wildcards = have_wildcards(ask, patient.engine)
            compared = compare_rights(ask, connection.username, role, schemas, wildcards)
        for privilege, place in compared.lacking:
            said = f"`{connection.username}` lacks {privilege} on {place}"
            yield Finding("bad", said, "`afterstate up` renews the accounts and their rights")
        for privilege, place in compared.beyond:
            said = f"`{connection.username}` has {privilege} on {place}, which is beyond its role"
            yield Finding("bad", said, "`afterstate up` takes it back")
        if not compared.lacking and not compared.beyond:
            yield Finding("ok", f"`{connection.username}` may do what {DUTIES[role]}, and nothing else")


def _work(patient: Patient) -> Iterator[Finding]:
    """Try to work: rights do not help where tables are missing, or the server takes no changes."""
    probe = patient.warehouse.table("staging", "afterstate_doctor_probe")
    loads = patient.warehouse.table("landing", "landing_loads")
    trials = (
        (patient.warehouse.landing, f"select 1 from {loads} limit 1", "landed files are listed"),
        (patient.warehouse.dbt, f"create or replace view {probe} as select 1 as one", "views can be built"),
        (patient.warehouse.dbt, f"drop view if exists {probe}", "views can be dropped"),
    )
    for connection, statement, what in trials:
        try:
            with cursor(connection) as ask:
                ask.execute(statement)
        except pymysql.MySQLError as error:
            mend = "`afterstate up` makes what is missing; a server that is read-only is its administrator's to change"
            yield Finding("bad", f"not true that {what}: {error.args[-1]}", mend)
        else:
            yield Finding("ok", what)


def _snapshots(patient: Patient) -> Iterator[Finding]:
    """Pass on what there is to know of the snapshots; nothing of it keeps the warehouse from working."""
    notes = examine_snapshots(patient.settings, patient.warehouse)
    for what, advice in notes:
        yield Finding("note", what, advice)
    if not notes:
        yield Finding("ok", "the snapshots are built, complete, and as the files say")


def _locks(patient: Patient) -> Iterator[Finding]:
    """Look for who builds, and for who keeps builds from replacing tables."""
    schemas = patient.warehouse.schemas
    with cursor(patient.warehouse.dbt) as ask:
        builder = who_builds(ask, schemas)
    if builder:
        yield Finding("note", f"a build is at work: {builder}")
    own = _own_tables(patient) if schemas.is_one_database else None
    held = find_holders(who_may_know(patient.settings, patient.warehouse), schemas.all(), tables=own)
    long = [holder for holder in held.holders if holder.is_idle and holder.seconds >= LONG_IDLE_SECONDS]
    for holder in long:
        holds = "holds a lock that builds wait for" if held.is_certain else "may hold a lock that builds wait for"
        mend = f"let it commit or close, or end it: kill {holder.connection_id}"
        yield Finding("bad" if held.is_certain else "note", f"{holder} {holds}", mend)
    if not long:
        known = "" if held.is_certain or held.holders else f", as far as `{held.asked}` may know"
        yield Finding("ok", f"nobody keeps a table from being replaced{known}")


CHECKS: tuple[Check, ...] = (
    _profile_mode,
    _adapter,
    _charset,
    _required_settings,
    _buffers,
    _time_zone,
    _tls,
    _privileges,
    _locks,
    _work,
    _snapshots,
    _own_dbt,
    _dbt,
)


def _variables(connection: Connection) -> dict[str, str]:
    with cursor(connection) as ask:
        return server_variables(ask, (*VARIABLES, "time_zone", "system_time_zone", "sort_buffer_size"))
