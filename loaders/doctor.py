"""`afterstate doctor`: what could keep the warehouse from working, and how to mend each.

Each check looks at one thing and gives findings; nothing is changed.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pymysql

from loaders.connect import cursor, detect
from loaders.dbt import run_dbt
from loaders.engines import Engine
from loaders.errors import AfterstateError, ServerError
from loaders.profile import Connection, Warehouse, read_warehouse
from loaders.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MIB = 1 << 20
LEAST_PACKET, LEAST_SORT_BUFFER = 16 * MIB, 8 * MIB


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
        yield Finding("ok", f"profile `{settings.profiles_path}` has the warehouse `{warehouse.schemas.marts}`")
        found = detect(warehouse.landing)
        found.require_supported()
    except ServerError as error:
        yield Finding("bad", error.what, "`afterstate up` starts the private server and renews its accounts")
        return
    except AfterstateError as error:
        yield Finding("bad", error.what, error.hint)
        return
    place = f"{warehouse.dbt.server}:{warehouse.dbt.port}"
    yield Finding("ok", f"{found.title} answers at {place}")
    patient = Patient(settings, warehouse, found, _variables(warehouse.landing))
    for check in CHECKS:
        yield from check(patient)


def _profile_mode(patient: Patient) -> Iterator[Finding]:
    path = patient.settings.profiles_path
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("bad", f"`{path}` holds passwords, and others may read it ({mode:04o})", f"chmod 600 {path}")
    else:
        yield Finding("ok", "only its owner may read the profile")


def _adapter(patient: Patient) -> Iterator[Finding]:
    written = patient.warehouse.dbt.type
    if written == patient.engine.name:
        yield Finding("ok", f"dbt's adapter is `{written}`, as the server is")
    else:
        yield Finding("bad", f"the profile says `{written}`, the server is {patient.engine.title}", "`afterstate up`")


def _dbt(patient: Patient) -> Iterator[Finding]:
    if run_dbt(patient.settings, "debug", quiet=True):
        yield Finding("bad", "dbt cannot use the profile", "run `.venv/bin/dbt debug`: it says why")
    else:
        yield Finding("ok", "dbt connects with the profile (`dbt debug`)")


def _charset(patient: Patient) -> Iterator[Finding]:
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


def _local_infile(patient: Patient) -> Iterator[Finding]:
    if patient.variables["local_infile"] == "ON":
        yield Finding("ok", "local_infile is on: landing can stream into LOAD DATA LOCAL")
    else:
        mend = "as an administrator: set global local_infile = on;  -- and in the server's option file"
        yield Finding("bad", "local_infile is off: nothing can be landed", mend)


def _time_zone(patient: Patient) -> Iterator[Finding]:
    zone = patient.variables["time_zone"]
    shown = f"SYSTEM ({patient.variables['system_time_zone']})" if zone == "SYSTEM" else zone
    yield Finding("ok", f"the server's time zone is {shown}; every time in the warehouse is written in UTC")


def _settings(patient: Patient) -> Iterator[Finding]:
    packet = int(patient.variables["max_allowed_packet"])
    if packet < LEAST_PACKET:
        mend = "set global max_allowed_packet = 268435456;"
        yield Finding("bad", f"max_allowed_packet is {packet} bytes: long fields do not fit", mend)
    buffer = int(patient.variables["sort_buffer_size"])
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
    if connection.server in LOOPBACK:
        yield Finding("ok", "the connection stays on this machine")
    elif not cipher:
        yield Finding("bad", "the connection is not encrypted", "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL")
    elif connection.ssl_verify_cert:
        yield Finding("ok", f"the connection is encrypted ({cipher}), and the server's certificate is verified")
    else:
        mend = "add `?ssl_ca=/path/ca.pem` to AFTERSTATE_MYSQL_URL, then run `afterstate up`"
        yield Finding("note", f"the connection is encrypted ({cipher}), but nobody checks whose server it is", mend)


def _privileges(patient: Patient) -> Iterator[Finding]:
    """Try what each account must be able to do, and what it must not."""
    schemas = patient.warehouse.schemas
    names = {patient.warehouse.landing.username, patient.warehouse.dbt.username, patient.warehouse.bi.username}
    if len(names) < len(("landing", "dbt", "bi")):
        mend = "name an account that may create accounts in AFTERSTATE_MYSQL_URL, then run `afterstate up`"
        yield Finding("note", "one account does it all: BI tools could read and change everything", mend)
        return
    # In order: what is tried, as whom, whether it must work, what it is.
    probe = "afterstate_doctor_probe"
    trials = (
        (patient.warehouse.landing, f"select 1 from `{schemas.landing}`.landing_loads limit 1", True, "read landing"),
        (patient.warehouse.dbt, f"select 1 from `{schemas.landing}`.landing_loads limit 1", True, "read landing"),
        (
            patient.warehouse.dbt,
            f"create or replace view `{schemas.staging}`.{probe} as select 1 as one",
            True,
            "build",
        ),
        (patient.warehouse.dbt, f"drop view if exists `{schemas.staging}`.{probe}", True, "clean up"),
        (patient.warehouse.dbt, f"delete from `{schemas.landing}`.landing_loads where false", False, "change landing"),
        (patient.warehouse.bi, f"show tables from `{schemas.marts}`", True, "see the marts"),
        (patient.warehouse.bi, f"select 1 from `{schemas.landing}`.landing_loads limit 1", False, "read landing"),
        (patient.warehouse.bi, f"create table `{schemas.marts}`.{probe} (id int)", False, "write to the marts"),
    )
    for connection, statement, must_work, what in trials:
        works = _works(connection, statement)
        said = f"`{connection.username}` {'can' if works else 'cannot'} {what}"
        mend = "" if works == must_work else "`afterstate up` renews the accounts and their rights"
        yield Finding("ok" if works == must_work else "bad", said, mend)


CHECKS: tuple[Check, ...] = (
    _profile_mode,
    _adapter,
    _charset,
    _local_infile,
    _settings,
    _time_zone,
    _tls,
    _privileges,
    _dbt,
)


def _works(connection: Connection, statement: str) -> bool:
    try:
        with cursor(connection) as ask:
            ask.execute(statement)
            return True
    except pymysql.MySQLError:
        return False


def _variables(connection: Connection) -> dict[str, str]:
    names = ("local_infile", "time_zone", "system_time_zone", "max_allowed_packet", "sort_buffer_size")
    with cursor(connection) as ask:
        ask.execute(f"show global variables where variable_name in {names}")
        return dict(ask.fetchall())
