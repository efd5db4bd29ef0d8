"""Where on a server a warehouse can stand: in four schemas, or in one database, as its login's rights allow.

What is there already decides first, then the rights: a warehouse never moves from one form to the other by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pymysql

from afterstate.errors import AccountRefused, ServerError, UsageError
from afterstate.server.programs import Say
from afterstate.warehouse.accounts import have_wildcards
from afterstate.warehouse.admin_sql import administrators_sql, make_schemas, one_database_grants, schema_grants
from afterstate.warehouse.connect import detect, greeting, open_cursor
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.layout import Schemas, require_name, require_room_for_schemas, table_names
from afterstate.warehouse.profile import Credentials, Warehouse, known_schemas
from afterstate.warehouse.requirements import VARIABLES, server_variables, unmet
from afterstate.warehouse.server_url import credentials_of
from afterstate.warehouse.settings import DEFAULT_SCHEMA, Settings
from loaders.tables import VERSION_TABLE

NO_PRIVILEGE = (1044, 1045, 1142, 1227, 1370, 1410)
PRINT_SQL = "`afterstate up --print-sql` prints all that an administrator can run"


@dataclass(frozen=True)
class Site:
    """A server, as an account's open cursor sees it."""

    cursor: Any
    engine: Engine
    admin: Credentials
    account: str  # as SQL spells it, 'name'@'host'
    wildcards: bool
    lowers_names: bool

    @classmethod
    def of(cls, cursor: Any, found: Engine, admin: Credentials) -> Site:
        """Ask the server who the account is, and how it treats upper case in names."""
        cursor.execute("select current_user(), @@global.lower_case_table_names")
        user, lower_case = cursor.fetchone()
        name, _, host = str(user).rpartition("@")
        return cls(cursor, found, admin, f"'{name}'@'{host}'", have_wildcards(cursor, found), int(lower_case) == 1)

    def kept(self, name: str) -> str:
        """Return a schema's name as the server keeps it."""
        return name.lower() if self.lowers_names else name


@dataclass(frozen=True)
class Names:
    """What a warehouse could be called: in schemas of its own, and in a database that is there."""

    schemas: str
    database: str | None

    @classmethod
    def of(cls, settings: Settings) -> Names:
        """Read the names from the environment and the profile."""
        known = known_schemas(settings)
        named = settings.server_url.database if settings.server_url else None
        one = known.marts if known and known.is_one_database else None
        several = known.marts if known and not known.is_one_database else None
        return cls(settings.schema or several or DEFAULT_SCHEMA, settings.schema or named or one)


def choose_schemas(site: Site, settings: Settings, say: Say) -> Schemas:
    """Return where the warehouse is, or make its schemas where the account may; nothing half-made stays.

    Raises ServerError or UsageError when it can stand nowhere, with the GRANTs that it needs.
    """
    names = Names.of(settings)
    if names.database and _has_table(site, one := Schemas(site.kept(names.database), is_one_database=True)):
        return one
    require_room_for_schemas(names.schemas, "`AFTERSTATE_SCHEMA`")
    schemas = Schemas(site.kept(names.schemas))
    try:
        _ensure_schemas(site, schemas)
    except _MayNot as refused:
        if not names.database or not _collation(site.cursor, site.kept(names.database)):
            raise _refusal(site, schemas, names.database, str(refused)) from refused
        return _one_database(site, settings, site.kept(names.database))
    if names.database and site.kept(names.database) != schemas.marts:
        # A notebook's URL names its database; nothing in it is read or changed.
        say(f"the database `{names.database}` in the URL is left alone; the warehouse has schemas of its own")
    return schemas


def missing_privilege(schemas: Schemas, username: str, lacking: str = "make its tables") -> ServerError:
    """Return the error for an account that may not work in its schemas, with what to grant it."""
    grants = one_database_grants(schemas.marts, f"'{username}'@'%'", wildcards=True)
    return ServerError(
        f"`{username}` may not {lacking} in `{schemas.landing}`",
        "\n  ".join(["an administrator can run:", *grants, PRINT_SQL]),
    )


def require_rights(warehouse: Warehouse) -> None:
    """Try what dbt will do in a database of its own; raises ServerError with what to grant."""
    probe = warehouse.table("staging", "afterstate_probe")
    trials = (
        ("make views", f"create or replace view {probe} as select 1 as one", f"drop view {probe}"),
        ("make temporary tables", f"create temporary table {probe} (one int)", f"drop temporary table {probe}"),
    )
    with open_cursor(warehouse.dbt) as cursor:
        for what, *statements in trials:
            try:
                for statement in statements:
                    cursor.execute(statement)
            except pymysql.MySQLError as error:
                if error.args[0] not in NO_PRIVILEGE:
                    raise
                raise missing_privilege(warehouse.schemas, warehouse.dbt.username, what) from error


class _MayNot(Exception):
    """The account may not make or change a schema; the text is its name."""


def _one_database(site: Site, settings: Settings, name: str) -> Schemas:
    """Claim a database that holds no warehouse yet; raises ServerError for tables that dbt would replace."""
    require_name(name, "the database in `AFTERSTATE_MYSQL_URL`")
    site.cursor.execute("select table_name from information_schema.tables where table_schema = %s", (name,))
    schemas = Schemas(name, is_one_database=True)
    built = {schemas.prefix(layer) + table for layer, tables in table_names(settings.root).items() for table in tables}
    taken = sorted(built & {str(table) for (table,) in site.cursor.fetchall()})
    if taken:
        renames = [f"rename table `{name}`.`{table}` to `{name}`.`{table}_before`;" for table in taken]
        raise ServerError(
            f"the database `{name}` has tables of its own that Afterstate would replace: {', '.join(taken)}",
            "\n  ".join(["rename them, then run `afterstate up` again:", *renames]),
        )
    return schemas


def _has_table(site: Site, schemas: Schemas) -> bool:
    """Return whether a one-database warehouse stands there."""
    site.cursor.execute(
        "select count(*) from information_schema.tables where table_schema = %s and table_name = %s",
        (schemas.marts, schemas.prefix("landing") + VERSION_TABLE),
    )
    return bool(site.cursor.fetchone()[0])


def _ensure_schemas(site: Site, schemas: Schemas) -> None:
    """Make the schemas with the exact collation, all or none; one that has rows under another is refused."""
    made: list[str] = []
    schema = schemas.marts
    try:
        for schema in schemas.all():
            if _collation(site.cursor, schema) is None:
                site.cursor.execute(f"create database if not exists {_exactly(site, schema)}")
                made.append(schema)
        for schema in schemas.all():
            _require_no_inexact_tables(site, schema)
        for schema in schemas.all():
            if _collation(site.cursor, schema) != site.engine.exact_collation:
                site.cursor.execute(f"alter database {_exactly(site, schema)}")
    except (pymysql.MySQLError, ServerError) as error:
        for name in made:  # empty, and nobody's yet
            site.cursor.execute(f"drop database `{name}`")
        if isinstance(error, ServerError):
            raise
        if error.args[0] in NO_PRIVILEGE:
            raise _MayNot(schema) from error
        raise ServerError(f"the server could not make or change the schema `{schema}`: {error.args[-1]}") from error


def _exactly(site: Site, schema: str) -> str:
    return f"`{schema}` character set utf8mb4 collate {site.engine.exact_collation}"


def _require_no_inexact_tables(site: Site, schema: str) -> None:
    collation, exact = _collation(site.cursor, schema), site.engine.exact_collation
    site.cursor.execute("select count(*) from information_schema.tables where table_schema = %s", (schema,))
    if site.cursor.fetchone()[0] and collation != exact:
        raise ServerError(
            f"the schema `{schema}` has tables under the collation {collation}, which cannot tell all keys apart",
            f"expected {exact}: set `AFTERSTATE_SCHEMA` to a name that is free",
        )


def _collation(cursor: Any, schema: str) -> str | None:
    cursor.execute("select default_collation_name from information_schema.schemata where schema_name = %s", (schema,))
    row = cursor.fetchone()
    return str(row[0]) if row else None


def _refusal(site: Site, schemas: Schemas, database: str | None, schema: str) -> ServerError:
    """Return the error for an account that can have neither form, with the GRANTs of both."""
    grants = [*make_schemas(schemas, site.engine), *schema_grants(schemas, site.account, site.wildcards)]
    one = one_database_grants(database or "<database>", site.account, site.wildcards)
    return ServerError(
        f"the account {site.account} of `AFTERSTATE_MYSQL_URL` may not make or change the schema `{schema}`",
        "\n  ".join(
            [
                "name a database that it has in the URL (`…@host/database`): all layers then go there; "
                "or let an administrator run, for one database:",
                *one,
                "or for four schemas:",
                *grants,
                PRINT_SQL,
            ]
        ),
    )


def print_sql(settings: Settings) -> str:
    """Return what an administrator can run for the login and the names in the environment.

    A login that the server does not know yet is taken as it is spelled. Raises UsageError without a URL: a private
    server needs nothing of an administrator.
    """
    if not settings.server_url:
        raise UsageError(
            "there is no server to print SQL for: a private one needs nothing",
            "set AFTERSTATE_MYSQL_URL to the login that you want to use, mysql://user:password@host/database",
        )
    admin, names = credentials_of(settings.server_url), Names.of(settings)
    schemas = Schemas(names.schemas)
    database = names.database or DEFAULT_SCHEMA
    require_room_for_schemas(names.schemas, "`AFTERSTATE_SCHEMA`")
    require_name(database, "the database in `AFTERSTATE_MYSQL_URL`")
    try:
        found = detect(admin)
        with open_cursor(admin) as cursor:
            site = Site.of(cursor, found, admin)
            lacking = list(unmet(server_variables(cursor, VARIABLES)))
    except AccountRefused:
        return administrators_sql(schemas, database, f"'{admin.username}'@'%'", greeting(admin), True, [])
    return administrators_sql(schemas, database, site.account, found, site.wildcards, lacking)
