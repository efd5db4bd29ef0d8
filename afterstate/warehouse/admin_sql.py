"""What an administrator has to run so that Afterstate can work on a server, as SQL that can be read and pasted.

Passwords are placeholders in angle brackets. Nothing here talks to a server.
"""

from __future__ import annotations

from collections.abc import Iterable

from afterstate.warehouse.accounts import GRANTS, grant_pattern
from afterstate.warehouse.engines import PRODUCTS, Engine
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.requirements import FASTER_LANDING, Unmet

# What landing and dbt need in a database that all layers share.
WORKING = (
    "select, insert, update, delete, create, alter, drop, index, references, create view, show view, "
    "create temporary tables, trigger"
)


def one_database_grants(database: str, account: str, wildcards: bool) -> list[str]:
    """Return the GRANT for one-database mode; `account` is spelled as in SQL, `'name'@'host'`."""
    return [f"grant {WORKING} on `{grant_pattern(database, wildcards)}`.* to {account};"]


def schema_grants(schemas: Schemas, account: str, wildcards: bool, *, may_pass_on: bool = False) -> list[str]:
    """Return the GRANTs for four schemas; with `may_pass_on`, also those that let `up` make the three accounts."""
    option = " with grant option" if may_pass_on else ""
    grants = [
        f"grant all privileges on `{grant_pattern(schema, wildcards)}`.* to {account}{option};"
        for schema in schemas.all()
    ]
    return [*grants, *([f"grant create user on *.* to {account};"] if may_pass_on else [])]


def make_schemas(schemas: Schemas, found: Engine) -> list[str]:
    """Return the statements that make the schemas as `up` would."""
    exactly = f"character set utf8mb4 collate {found.exact_collation}"
    return [f"create database if not exists `{schema}` {exactly};" for schema in schemas.all()]


def administrators_sql(
    schemas: Schemas, database: str, account: str, found: Engine, wildcards: bool, lacking: Iterable[Unmet]
) -> str:
    """Return the SQL of each form in which a warehouse can stand on somebody's server, the smallest first.

    `schemas` are those of the fuller forms, `database` the one of one-database mode; `lacking` are settings of the
    server that keep it from working.
    """
    name = account.split("'")[1]
    reader = f"'{schemas.marts}_reader'@'%'"
    parts = [
        (
            f"The account: only if {account} does not exist yet.",
            [f"create user if not exists {account} identified by '<password of {name}>';"],
        ),
        (
            f"Form 1, one database: every layer is in `{database}`, told apart by prefixes. One account does all\n"
            f"-- the work. Then: AFTERSTATE_MYSQL_URL='mysql://{name}:<password>@<host>/{database}' afterstate up",
            [f"create database if not exists `{database}`;", *one_database_grants(database, account, wildcards)],
        ),
        (
            "Form 2, four schemas: one account does all the work.",
            [*make_schemas(schemas, found), *schema_grants(schemas, account, wildcards)],
        ),
        (
            "Form 3, four schemas and three accounts, the one for BI reading only: with these rights and form 2's,\n"
            "-- `afterstate up` makes the accounts and their passwords.",
            schema_grants(schemas, account, wildcards, may_pass_on=True),
        ),
        (
            "Beside form 2, a login for BI that only reads.",
            [f"create user if not exists {reader} identified by '<password of {schemas.marts}_reader>';"]
            + [
                f"grant {privileges} on `{grant_pattern(schemas.schema(layer), wildcards)}`.* to {reader};"
                for layer, privileges in GRANTS["bi"]
            ],
        ),
        (
            f"Optional: {FASTER_LANDING}; also `local_infile = ON` under [mysqld]\n"
            "-- in the server's option file, so that it stays.",
            ["set global local_infile = on;"],
        ),
        ("Needed in every form.", [item.fix for item in lacking]),
    ]
    head = f"-- Afterstate on {PRODUCTS[found.name]}: choose a form, replace what is in <angle brackets>, run the SQL."
    return "\n\n".join([head, *("\n".join([f"-- {title}", *lines]) for title, lines in parts if lines)])
