"""What the environment says: where things live, which server, which warehouse (design section 1).

Nothing here reads the profile or talks to a server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterstate.errors import UsageError
from afterstate.warehouse.layout import require_name

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to import, and only a URL needs it
    from sqlalchemy.engine import URL

DEFAULT_SCHEMA = "afterstate"
# pip installs the dbt project into the package; a checkout is the project, and keeps everything else in itself, too.
CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED_PROJECT = CHECKOUT / "afterstate" / "project"
INSTALLED_HOME = "~/.afterstate"
DEFAULT_PORT, LAST_PORT = 3306, 65535


@dataclass(frozen=True)
class Settings:
    """Places and choices, resolved once for each command.

    `root` has the dbt project: the checkout, or in a package that pip has installed its folder `project`.
    """

    root: Path
    home: Path
    profiles_path: Path
    schema: str | None
    server_url: URL | None
    server_program: Path | None

    @property
    def is_checkout(self) -> bool:
        """Whether this is a checkout, which has scripts, samples and a `dbt` of its own."""
        return self.root != INSTALLED_PROJECT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the `AFTERSTATE_*` variables.

        Raises UsageError when one of them cannot be used.
        """
        root = INSTALLED_PROJECT if INSTALLED_PROJECT.is_dir() else CHECKOUT
        moved = environment.get("AFTERSTATE_HOME") or (INSTALLED_HOME if root == INSTALLED_PROJECT else None)
        home = Path(moved).expanduser().resolve() if moved else root / ".afterstate"
        program = environment.get("AFTERSTATE_SERVER_PROGRAM")
        return cls(
            root=root,
            home=home,
            profiles_path=(home if moved else root) / "profiles.yml",
            schema=_schema(environment.get("AFTERSTATE_SCHEMA")),
            server_url=_server_url(environment.get("AFTERSTATE_MYSQL_URL")),
            server_program=Path(program).expanduser() if program else None,
        )


def _schema(name: str | None) -> str | None:
    if not name:
        return None
    require_name(name, "`AFTERSTATE_SCHEMA`")
    return name


def _server_url(text: str | None) -> URL | None:
    text = (text or "").strip()
    if not text:
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

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
    return url.set(database=unquote(url.database)) if url.database else url
