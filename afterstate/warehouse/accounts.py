"""The three accounts of a warehouse and what each may do (one writes landing, one builds, one only reads).

| account | landing | staging | marts, audit |
|---------|---------|---------|--------------|
| landing | writes  |         |              |
| dbt     | reads   | builds  | builds       |
| bi      |         |         | reads        |

Statements go over the admin's connection, so that no password is in a command line; passwords are generated.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from afterstate.warehouse.engines import Engine
from afterstate.warehouse.layout import Schemas

# MySQL's limit on an account's name; MariaDB allows more.
USER_NAME_CHARACTERS = 32
ANY_HOST = "%"

LANDING_PRIVILEGES = "select, insert, update, delete, create, alter, drop, index, references"
READ_PRIVILEGES = "select, show view"
ALL = "all privileges"
# Without one of these dbt cannot build; the servers differ in what else `all privileges` means.
BUILDING = ("ALTER", "CREATE", "CREATE VIEW", "DELETE", "DROP", "INDEX", "INSERT", "SELECT", "SHOW VIEW", "UPDATE")
GRANTS = {
    "landing": (("landing", LANDING_PRIVILEGES),),
    "dbt": (
        ("landing", READ_PRIVILEGES),
        ("staging", ALL),
        ("marts", ALL),
        ("audit", ALL),
    ),
    "bi": (("marts", READ_PRIVILEGES), ("audit", READ_PRIVILEGES)),
}
# Where the servers list rights, and how GRANT spells the place of each.
PRIVILEGE_VIEWS = {
    "user_privileges": "'*.*'",
    "schema_privileges": "concat('`', table_schema, '`.*')",
    "table_privileges": "concat('`', table_schema, '`.`', table_name, '`')",
}


@dataclass(frozen=True)
class Account:
    """An account's name and password."""

    name: str
    password: str


def account_name(schema: str, role: str, mark: str = "") -> str:
    """Name an account after its warehouse and role; `mark` tells checkouts apart that share a server."""
    name = "_".join(part for part in (schema, role, mark) if part)
    if len(name) <= USER_NAME_CHARACTERS:
        return name
    tail = "_".join(part for part in (hashlib.sha256(name.encode()).hexdigest()[:8], role, mark) if part)
    return f"{schema[: USER_NAME_CHARACTERS - len(tail) - 1]}_{tail}"


def new_password() -> str:
    """Generate a password: 192 random bits, and a tail that any password policy accepts."""
    return secrets.token_urlsafe(24) + "-aA1"


def have_wildcards(cursor: Any, engine: Engine) -> bool:
    """Return whether `_` in a GRANT stands for any character (MySQL manual, "GRANT Statement").

    With `partial_revokes`, MySQL takes names literally, and a backslash would be part of the name.
    """
    if engine.name != "mysql":
        return True
    cursor.execute("select @@global.partial_revokes")
    return not cursor.fetchone()[0]


def grant_pattern(schema: str, wildcards: bool) -> str:
    """Quote a schema for GRANT, so that it matches this schema only."""
    return schema.replace("_", r"\_") if wildcards else schema


def ensure_account(cursor: Any, account: Account, role: str, schemas: Schemas, wildcards: bool) -> None:
    """Make the account, with this password when it is new, and exactly its role's rights.

    Safe to repeat while others work with it: no right that it should have is taken away, not even for a moment.
    """
    user = (account.name, ANY_HOST)
    cursor.execute("create user if not exists %s@%s identified by %s", (*user, account.password))
    for place, privileges in GRANTS[role]:
        pattern = grant_pattern(getattr(schemas, place), wildcards)
        cursor.execute(f"grant {privileges} on `{pattern}`.* to %s@%s", user)
    for privilege, place in compare_rights(cursor, account.name, role, schemas, wildcards).beyond:
        cursor.execute(f"revoke {privilege} on {place} from %s@%s", user)


def set_password(cursor: Any, account: Account) -> None:
    """Change the password of an account that is there; a server with a password history takes none twice."""
    cursor.execute("alter user %s@%s identified by %s", (account.name, ANY_HOST, account.password))


@dataclass(frozen=True)
class RightsCompared:
    """What an account lacks of its role's rights and has beyond them, as (privilege, place), spelled as GRANT does."""

    lacking: list[tuple[str, str]]
    beyond: list[tuple[str, str]]


def compare_rights(cursor: Any, name: str, role: str, schemas: Schemas, wildcards: bool) -> RightsCompared:
    """Compare an account's rights with its role's, as far as the cursor's own account may know."""
    needed, allowed = set(), set()
    found = _rights(cursor, name)
    for part, privileges in GRANTS[role]:
        place = f"`{grant_pattern(getattr(schemas, part), wildcards)}`.*"
        if privileges == ALL:
            needed |= {(privilege, place) for privilege in BUILDING}
            allowed |= {right for right in found if right[1] == place and right[0] != "GRANT OPTION"}
        else:
            needed |= {(privilege.strip().upper(), place) for privilege in privileges.split(",")}
    return RightsCompared(sorted(needed - found), sorted(found - needed - allowed))


def _rights(cursor: Any, name: str) -> set[tuple[str, str]]:
    """Return an account's rights as (privilege, place); that it may pass them on counts as one more."""
    found = set()
    for view, place in PRIVILEGE_VIEWS.items():
        cursor.execute(
            f"select {place}, privilege_type, is_grantable from information_schema.{view} where grantee = %s",
            (f"'{name}'@'{ANY_HOST}'",),
        )
        for where, privilege, is_grantable in cursor.fetchall():
            found |= {(privilege, where)} if privilege != "USAGE" else set()
            found |= {("GRANT OPTION", where)} if is_grantable == "YES" else set()
    return found
