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

from loaders.settings import Schemas

# MySQL's limit on an account's name; MariaDB allows more.
USER_NAME_CHARACTERS = 32
ANY_HOST = "%"

LANDING_PRIVILEGES = "select, insert, update, delete, create, alter, drop, index, references"
READ_PRIVILEGES = "select, show view"
GRANTS = {
    "landing": (("landing", LANDING_PRIVILEGES),),
    "dbt": (
        ("landing", READ_PRIVILEGES),
        ("staging", "all privileges"),
        ("marts", "all privileges"),
        ("audit", "all privileges"),
    ),
    "bi": (("marts", READ_PRIVILEGES), ("audit", READ_PRIVILEGES)),
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


def grant_pattern(schema: str, wildcards: bool) -> str:
    """Spell a schema for GRANT: its `_` stands for any character there (MySQL manual, "GRANT Statement").

    With `partial_revokes`, MySQL takes names literally, and a backslash would be part of the name.
    """
    return schema.replace("_", r"\_") if wildcards else schema


def ensure_account(cursor: Any, account: Account, role: str, schemas: Schemas, wildcards: bool) -> None:
    """Make the account with this password and its role's rights.

    Safe to repeat while others work with it: nothing is taken away, not even for a moment.
    """
    user = (account.name, ANY_HOST)
    cursor.execute("create user if not exists %s@%s identified by %s", (*user, account.password))
    cursor.execute("alter user %s@%s identified by %s", (*user, account.password))
    for place, privileges in GRANTS[role]:
        pattern = grant_pattern(getattr(schemas, place), wildcards)
        cursor.execute(f"grant {privileges} on `{pattern}`.* to %s@%s", user)
