"""Bring a warehouse up: a server, its schemas, its accounts, its landing tables, and the profile that names them.

Everything here can be repeated: what is there and right stays as it is.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy.engine import URL

from loaders import accounts
from loaders.accounts import Account
from loaders.connect import connect, detect, engine
from loaders.engines import Engine
from loaders.errors import AccountRefused, ServerError, UsageError
from loaders.landing.migrations import bring_up_to_date
from loaders.landing.tables import landing_tables
from loaders.lock import one_at_a_time
from loaders.profile import ROLES, Connection, Warehouse, known_connection, known_schema, write_warehouse
from loaders.requirements import require_settings
from loaders.server.private import PrivateServer
from loaders.server.programs import Say
from loaders.settings import DEFAULT_PORT, DEFAULT_SCHEMA, Schemas, Settings

NO_PRIVILEGE = (1044, 1045, 1142, 1227, 1410)
# What a URL may ask for, as MySQL's own clients (`ssl-mode`) and as PyMySQL spell it.
TLS_MODES: dict[str, dict[str, Any]] = {
    "DISABLED": {"ssl_disabled": True},
    "PREFERRED": {},
    "REQUIRED": {"ssl_verify_cert": False, "ssl_verify_identity": False},
    "VERIFY_CA": {"ssl_verify_cert": True, "ssl_verify_identity": False},
    "VERIFY_IDENTITY": {"ssl_verify_cert": True, "ssl_verify_identity": True},
}
TLS_PATHS = ("ssl_ca", "ssl_cert", "ssl_key")
TLS_SWITCHES = ("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")


def bring_up(settings: Settings, say: Say) -> Warehouse:
    """Make sure that the warehouse of the environment is there and can be used, and write its profile.

    Raises ServerError or UsageError, saying what to do.
    """
    with one_at_a_time(settings.home / "up.lock"):
        return _bring_up(settings, say)


def _bring_up(settings: Settings, say: Say) -> Warehouse:
    schemas = Schemas(settings.schema or known_schema(settings) or DEFAULT_SCHEMA)
    url = settings.server_url
    if url and url.database and url.database != schemas.marts:
        # A notebook's URL names its database; nothing of it is read or changed.
        say(f"the database `{url.database}` in the URL is left alone; the warehouse has schemas of its own")
    admin = _from_url(url) if url else PrivateServer(settings).start(say)
    found = _detect(admin, settings)
    found.require_supported()
    opened = connect(admin)
    try:
        with opened.cursor() as cursor:
            require_settings(cursor)
            _ensure_schemas(cursor, schemas, found)
            mark = _checkout_mark(settings) if url else ""
            warehouse = _ensure_accounts(cursor, settings, schemas, found, admin, mark, say)
        opened.commit()
    finally:
        opened.close()
    tables = landing_tables(schemas.landing, found.exact_collation)
    with engine(warehouse.landing).connect() as connection:
        for version in bring_up_to_date(connection, tables, found.exact_collation):
            say(f"the landing schema was brought to version {version}")
    write_warehouse(settings, warehouse)
    return warehouse


def _detect(admin: Connection, settings: Settings) -> Engine:
    try:
        return detect(admin)
    except ServerError as error:
        if not settings.server_url:
            raise
        look = "the user and the password" if isinstance(error, AccountRefused) else "the host, the port and the TLS"
        hint = f"check {look} in `AFTERSTATE_MYSQL_URL` (with `@`, `:`, `/`, `#`, `?` and `%` percent-encoded)"
        raise ServerError(error.what, hint) from error


def _from_url(url: URL) -> Connection:
    """Give the connection that `AFTERSTATE_MYSQL_URL` describes, with the TLS that it asks for."""
    options = {key.replace("-", "_"): str(value) for key, value in url.query.items()}
    tls: dict[str, Any] = {key: _pem_file(key, options.pop(key)) for key in TLS_PATHS if key in options}
    if "ssl_ca" in tls:
        tls |= TLS_MODES["VERIFY_IDENTITY"]  # who names a CA wants it to be asked
    mode = options.pop("ssl_mode", None)
    if mode is not None:
        if mode.upper() not in TLS_MODES:
            raise UsageError(f"`AFTERSTATE_MYSQL_URL` has `ssl_mode={mode}`", f"expected one of {', '.join(TLS_MODES)}")
        tls |= TLS_MODES[mode.upper()]
    tls |= {key: _switch(key, options.pop(key)) for key in TLS_SWITCHES if key in options}
    options.pop("charset", None)
    unix_socket = _socket(options.pop("unix_socket")) if "unix_socket" in options else None
    if options:
        known = ", ".join(("unix_socket", "ssl_mode", *TLS_PATHS, *TLS_SWITCHES))
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has the unknown option `{sorted(options)[0]}`", f"expected some of: {known}"
        )
    return Connection(
        type=url.get_backend_name(),
        server=url.host or "localhost",
        port=url.port or DEFAULT_PORT,
        schema="",
        username=str(url.username),
        password=str(url.password or ""),
        unix_socket=unix_socket,
        **tls,
    )


def _pem_file(key: str, value: str) -> str:
    path = Path(value).expanduser().absolute()  # the profile is used from other folders, too
    if not path.is_file():
        raise UsageError(f"`AFTERSTATE_MYSQL_URL` has `{key}={value}`, which is no file", "expected a PEM file's path")
    return str(path)


def _socket(value: str) -> str:
    path = Path(value).expanduser().absolute()
    if not path.is_socket():
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has `unix_socket={value}`, where no server listens",
            "expected the path of a running server's socket (`select @@socket` on it)",
        )
    return str(path)


def _switch(key: str, value: str) -> bool:
    if value.lower() not in ("true", "1", "false", "0"):
        raise UsageError(f"`AFTERSTATE_MYSQL_URL` has `{key}={value}`", "expected true or false")
    return value.lower() in ("true", "1")


def _ensure_schemas(cursor: Any, schemas: Schemas, found: Engine) -> None:
    """Make the schemas with the exact collation; one that has rows under another is refused before any is made."""
    for schema in schemas.all():
        _require_no_inexact_tables(cursor, schema, found)
    for schema in schemas.all():
        exactly = f"`{schema}` character set utf8mb4 collate {found.exact_collation}"
        try:
            # Even `if not exists` waits for everybody who has a table of the schema open.
            collation = _collation(cursor, schema)
            if collation is None:
                cursor.execute(f"create database if not exists {exactly}")
            elif collation != found.exact_collation:
                cursor.execute(f"alter database {exactly}")
        except pymysql.MySQLError as error:
            raise _needs_privilege(error, f"make or change the schema `{schema}`") from error


def _require_no_inexact_tables(cursor: Any, schema: str, found: Engine) -> None:
    collation = _collation(cursor, schema)
    cursor.execute("select count(*) from information_schema.tables where table_schema = %s", (schema,))
    if cursor.fetchone()[0] and collation != found.exact_collation:
        raise ServerError(
            f"the schema `{schema}` has tables under the collation {collation}, which cannot tell all keys apart",
            f"expected {found.exact_collation}: set `AFTERSTATE_SCHEMA` to a name that is free",
        )


def _collation(cursor: Any, schema: str) -> str | None:
    cursor.execute("select default_collation_name from information_schema.schemata where schema_name = %s", (schema,))
    row = cursor.fetchone()
    return str(row[0]) if row else None


def _ensure_accounts(
    cursor: Any, settings: Settings, schemas: Schemas, found: Engine, admin: Connection, mark: str, say: Say
) -> Warehouse:
    wildcards = accounts.have_wildcards(cursor, found)
    connections = {}
    for role in ROLES:
        known = known_connection(settings, schemas.marts, role)
        name = accounts.account_name(schemas.marts, role, mark)
        kept = known and (known.server, known.unix_socket, known.username) == (admin.server, admin.unix_socket, name)
        account = Account(name, known.password if known and kept else accounts.new_password())
        connections[role] = _connection(admin, found, schemas, account)
        try:
            accounts.ensure_account(cursor, account, role, schemas, wildcards)
            if not _lets_in(connections[role]):
                accounts.set_password(cursor, account)
        except pymysql.MySQLError as error:
            if _code(error) not in NO_PRIVILEGE:
                raise
            say(f"`{admin.username}` may not make accounts: it will do the work of `{name}` itself")
            account = Account(admin.username, admin.password)
            connections[role] = _connection(admin, found, schemas, account)
    return Warehouse(schemas, **connections)


def _lets_in(connection: Connection) -> bool:
    try:
        connect(connection).close()
    except AccountRefused:
        return False
    return True


def _connection(admin: Connection, found: Engine, schemas: Schemas, account: Account) -> Connection:
    return Connection(
        type=found.name,
        server=admin.server,
        port=admin.port,
        schema=schemas.marts,
        username=account.name,
        password=account.password,
        collation=found.connection_collation,
        unix_socket=admin.unix_socket,
        **admin.tls,
    )


def _checkout_mark(settings: Settings) -> str:
    """Tell this checkout from others that use the same server: nobody's `up` may change another's passwords."""
    return hashlib.sha256(f"{platform.node()}:{settings.home}".encode()).hexdigest()[:6]


def _needs_privilege(error: pymysql.MySQLError, what: str) -> ServerError:
    if _code(error) in NO_PRIVILEGE:
        return ServerError(
            f"the account of `AFTERSTATE_MYSQL_URL` may not {what}",
            "name an account there that may create schemas and, best, accounts",
        )
    return ServerError(f"the server could not {what}: {error.args[-1]}")


def _code(error: pymysql.MySQLError) -> int | None:
    return error.args[0] if error.args else None
