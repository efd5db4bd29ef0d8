"""Bring a warehouse up: a server, its schemas, its accounts, its landing tables, and the profile that names them.

Everything here can be repeated: what is there and right stays as it is.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace

import pymysql
from sqlalchemy.exc import DBAPIError

from afterstate.errors import AccountRefused, ServerError, UsageError
from afterstate.server.private import PrivateServer
from afterstate.server.programs import Say
from afterstate.warehouse import accounts
from afterstate.warehouse.accounts import Account
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.connect import connect, detect, open_cursor
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.file_lock import one_at_a_time
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.places import NO_PRIVILEGE, Site, choose_schemas, missing_privilege, require_rights
from afterstate.warehouse.profile import (
    LOOPBACK,
    ROLES,
    Credentials,
    Warehouse,
    is_same_server,
    known_credentials,
    known_schemas,
    known_server,
    read_warehouse,
    write_warehouse,
)
from afterstate.warehouse.requirements import require_settings
from afterstate.warehouse.server_url import credentials_of
from afterstate.warehouse.settings import Settings
from loaders.migrations import bring_up_to_date
from loaders.tables import landing_tables


def bring_up(settings: Settings, say: Say, *, replaces: bool = False) -> Warehouse:
    """Make sure that the warehouse of the environment is there and can be used, and write its profile.

    A profile belongs to a server; `replaces` lets it go over to another one. Raises ServerError or UsageError, saying
    what to do.
    """
    with one_at_a_time(settings.home / "up.lock"):
        known = None if replaces else known_server(settings)
        if known and not settings.server_url and not is_private(settings, known):
            return _look_after(settings, known, say)
        admin = _named_by_url(settings, known) or _private(settings, say)
        return _bring_up(settings, admin, say)


def is_private(settings: Settings, credentials: Credentials) -> bool:
    """Return whether a profile's credentials are for this home's private server."""
    if credentials.is_private is not None:
        return credentials.is_private
    private = PrivateServer(settings)  # profiles of older versions do not say so
    is_here = credentials.server in LOOPBACK and not credentials.unix_socket
    return is_here and credentials.port == private.port and private.exists()


def _named_by_url(settings: Settings, known: Credentials | None) -> Credentials | None:
    """Return the credentials in the environment's URL; raises UsageError when the profile belongs to another server."""
    if not settings.server_url:
        return None
    named = credentials_of(settings.server_url)
    if known and not is_same_server(named, known):
        raise UsageError(
            f"`{settings.profiles_path}` belongs to the server {known.place}, and `AFTERSTATE_MYSQL_URL` names "
            f"{named.place}",
            "give the other server a profile of its own with AFTERSTATE_HOME=DIR, or run `afterstate up --replace`: "
            "the profile then forgets the first server, whose data is kept",
        )
    return named


def _private(settings: Settings, say: Say) -> Credentials:
    return replace(PrivateServer(settings).start(say), is_private=True)


def _look_after(settings: Settings, known: Credentials, say: Say) -> Warehouse:
    """Bring up the warehouse on the profile's server, with the profile's accounts."""
    if not known_schemas(settings):
        raise UsageError(
            f"`{settings.profiles_path}` belongs to the server {known.place} and has no warehouse `{settings.schema}`",
            "set AFTERSTATE_MYSQL_URL to a login there that may make it",
        )
    warehouse = read_warehouse(settings)
    say(
        f"`{settings.profiles_path}` belongs to the server {known.place}; "
        "`afterstate up --replace` would start a private one"
    )
    try:
        for account in (warehouse.dbt, warehouse.bi, warehouse.landing):
            found = detect(account)
    except AccountRefused as error:
        raise ServerError(
            error.what,
            "set AFTERSTATE_MYSQL_URL to the login that made the warehouse and run `afterstate up`: it renews accounts",
        ) from error
    found.require_supported()
    with open_cursor(warehouse.landing) as cursor:
        require_settings(cursor)
    return _finish(settings, warehouse, found, say)


def _bring_up(settings: Settings, admin: Credentials, say: Say) -> Warehouse:
    found = _detect(admin, settings)
    found.require_supported()
    opened = connect(admin)
    try:
        with opened.cursor() as cursor:
            require_settings(cursor)
            site = Site.of(cursor, found, admin)
            schemas = choose_schemas(site, settings, say)
            if schemas.is_one_database:
                warehouse = _one_account(schemas, site)
                say(f"`{admin.username}` has rights on the database `{schemas.marts}` only: it does all the work there")
            else:
                mark = "" if admin.is_private else _checkout_mark(settings)
                warehouse = _ensure_accounts(site, settings, schemas, mark, say)
        opened.commit()
    finally:
        opened.close()
    return _finish(settings, warehouse, found, say)


def _finish(settings: Settings, warehouse: Warehouse, found: Engine, say: Say) -> Warehouse:
    """Make the landing tables, or bring them up to date, and write the profile."""
    tables = landing_tables(warehouse.schemas, found.exact_collation)
    try:
        with sqlalchemy_engine(warehouse.landing).connect() as connection:
            for version in bring_up_to_date(connection, tables, found.exact_collation):
                say(f"the landing schema was upgraded to version {version}")
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] not in NO_PRIVILEGE:
            raise
        raise missing_privilege(warehouse.schemas, warehouse.landing.username) from error
    if warehouse.schemas.is_one_database:
        require_rights(warehouse)
    write_warehouse(settings, warehouse)
    return warehouse


def _detect(admin: Credentials, settings: Settings) -> Engine:
    try:
        return detect(admin)
    except ServerError as error:
        if not settings.server_url:
            raise
        look = "the user and the password" if isinstance(error, AccountRefused) else "the host, the port and the TLS"
        hint = f"check {look} in `AFTERSTATE_MYSQL_URL` (with `@`, `:`, `/`, `#`, `?` and `%` percent-encoded)"
        raise ServerError(error.what, hint) from error


def _one_account(schemas: Schemas, site: Site) -> Warehouse:
    account = Account(site.admin.username, site.admin.password)
    return Warehouse(schemas, **dict.fromkeys(ROLES, _credentials(site, schemas, account)))


def _ensure_accounts(site: Site, settings: Settings, schemas: Schemas, mark: str, say: Say) -> Warehouse:
    by_role, refused = {}, []
    for role in ROLES:
        known = known_credentials(settings, schemas, role)
        name = accounts.account_name(schemas.marts, role, mark)
        kept = known and (known.server, known.unix_socket, known.username) == (
            site.admin.server,
            site.admin.unix_socket,
            name,
        )
        account = Account(name, known.password if known and kept else accounts.new_password())
        by_role[role] = _credentials(site, schemas, account)
        try:
            accounts.ensure_account(site.cursor, account, role, schemas, site.wildcards)
            if not _lets_in(by_role[role]):
                accounts.set_password(site.cursor, account)
        except pymysql.MySQLError as error:
            if error.args[0] not in NO_PRIVILEGE:
                raise
            refused.append(name)
            by_role[role] = _credentials(site, schemas, Account(site.admin.username, site.admin.password))
    if refused:
        names = ", ".join(f"`{name}`" for name in refused)
        say(
            f"`{site.admin.username}` may not make accounts: it does the work of {names} itself, and BI gets a login "
            "that can change everything; `afterstate up --print-sql` prints what an administrator can run"
        )
    return Warehouse(schemas, **by_role)


def _lets_in(credentials: Credentials) -> bool:
    try:
        connect(credentials).close()
    except AccountRefused:
        return False
    return True


def _credentials(site: Site, schemas: Schemas, account: Account) -> Credentials:
    return Credentials(
        type=site.engine.name,
        server=site.admin.server,
        port=site.admin.port,
        schema=schemas.marts,
        username=account.name,
        password=account.password,
        collation=site.engine.connection_collation,
        unix_socket=site.admin.unix_socket,
        is_private=site.admin.is_private,
        **site.admin.tls,
    )


def _checkout_mark(settings: Settings) -> str:
    """Distinguish this checkout from others that use the same server: nobody's `up` may change another's passwords."""
    return hashlib.sha256(f"{platform.node()}:{settings.home}".encode()).hexdigest()[:6]
