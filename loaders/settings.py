"""What the environment says: where things live, which server, which warehouse (design section 1).

Nothing here reads the profile or talks to a server.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from loaders.errors import UsageError

DEFAULT_SCHEMA = "afterstate"
DEFAULT_PORT, LAST_PORT = 3306, 65535
SCHEMA_NAME = re.compile(r"[a-z][a-z0-9_]*")
# A schema's name has 64 characters at most, also as GRANT spells it: each `_` as `\_`. `_landing` takes 9 of them.
SCHEMA_NAME_CHARACTERS = 55
# A warehouse's own parts are named so, as schemas and as outputs of the profile.
RESERVED_SUFFIXES = ("_landing", "_staging", "_audit", "_bi")


@dataclass(frozen=True)
class Settings:
    """Places and choices, resolved once for each command."""

    root: Path
    home: Path
    profiles_path: Path
    schema: str | None
    server_url: URL | None
    server_program: Path | None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the `AFTERSTATE_*` variables.

        Raises UsageError when one of them cannot be used.
        """
        root = Path(__file__).resolve().parent.parent
        moved = os.environ.get("AFTERSTATE_HOME")
        home = Path(moved).expanduser().resolve() if moved else root / ".afterstate"
        program = os.environ.get("AFTERSTATE_SERVER_PROGRAM")
        return cls(
            root=root,
            home=home,
            profiles_path=(home if moved else root) / "profiles.yml",
            schema=_schema(os.environ.get("AFTERSTATE_SCHEMA")),
            server_url=_server_url(os.environ.get("AFTERSTATE_MYSQL_URL")),
            server_program=Path(program).expanduser() if program else None,
        )


@dataclass(frozen=True)
class Schemas:
    """The four schemas of one warehouse; `marts` gives the others their names."""

    marts: str

    @property
    def landing(self) -> str:
        """Where the loaders write: landed rows, the manifest and the rejects."""
        return f"{self.marts}_landing"

    @property
    def staging(self) -> str:
        """Where dbt keeps its views over the landed rows."""
        return f"{self.marts}_staging"

    @property
    def audit(self) -> str:
        """Where BI sees loads and rejects."""
        return f"{self.marts}_audit"

    def all(self) -> tuple[str, str, str, str]:
        """Every schema of the warehouse."""
        return (self.marts, self.landing, self.staging, self.audit)


def _schema(name: str | None) -> str | None:
    if not name:
        return None
    if not SCHEMA_NAME.fullmatch(name):
        raise UsageError(
            f"`AFTERSTATE_SCHEMA` is `{name}`, which cannot name a warehouse",
            "expected a lower-case letter, then lower-case letters, digits or `_`",
        )
    if len(name) + name.count("_") > SCHEMA_NAME_CHARACTERS:
        raise UsageError(
            f"`AFTERSTATE_SCHEMA` is `{name}`, which is too long for the server's rights",
            f"expected at most {SCHEMA_NAME_CHARACTERS} characters, of which each `_` counts as two",
        )
    if name.endswith(RESERVED_SUFFIXES):
        raise UsageError(
            f"`AFTERSTATE_SCHEMA` is `{name}`, which could be part of another warehouse",
            f"choose a name that does not end in {', '.join(RESERVED_SUFFIXES)}",
        )
    return name


def _server_url(text: str | None) -> URL | None:
    if not text:
        return None
    example = "expected `mysql://user:password@host:3306/`, for example with `?ssl_ca=/path/ca.pem` behind it"
    try:
        url = make_url(text.strip())  # a newline from `$(cat url)` or an editor is not part of it
    except (ArgumentError, ValueError):
        raise UsageError("`AFTERSTATE_MYSQL_URL` is not a URL", example) from None
    is_named = url.host or "unix_socket" in url.query
    if url.get_backend_name() not in ("mysql", "mariadb") or not is_named or not url.username:
        raise UsageError("`AFTERSTATE_MYSQL_URL` must name a MySQL or MariaDB server, a host and a user", example)
    if url.port is not None and not 1 <= url.port <= LAST_PORT:
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has the port {url.port}", f"expected 1 to {LAST_PORT}, or none for {DEFAULT_PORT}"
        )
    return url
