"""Which server answers: MySQL or MariaDB, its version, and what follows from that.

Engine differences of Python live here; those of SQL live in dispatched dbt macros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from afterstate.errors import ServerError

# The oldest versions that Afterstate is made for (design, "Shape").
OLDEST = {"mysql": (8, 4), "mariadb": (10, 11)}
PRODUCTS = {"mysql": "MySQL", "mariadb": "MariaDB"}


@dataclass(frozen=True)
class Engine:
    """A database server's family and version; `name` is also dbt's adapter type."""

    name: str
    version: tuple[int, ...]

    @classmethod
    def from_version(cls, text: str) -> Engine:
        """Read `select version()`, such as `9.7.4-2` or `10.11.19-MariaDB-0+deb12u1`.

        Raises ServerError when the text holds no version.
        """
        # A MariaDB behind some proxies says `5.5.5-10.11.19-MariaDB`, for the sake of old replication clients.
        found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text.removeprefix("5.5.5-"))
        if not found:
            raise ServerError(f"the server calls itself `{text}`, which is not a version of MySQL or MariaDB")
        name = "mariadb" if "mariadb" in text.lower() else "mysql"
        return cls(name, tuple(int(part) for part in found.groups(default="0")))

    @property
    def title(self) -> str:
        """The engine as people call it, with its version."""
        return f"{PRODUCTS[self.name]} {'.'.join(map(str, self.version))}"

    @property
    def exact_collation(self) -> str:
        """The collation under which only equal texts are equal: binary, and not padding trailing blanks.

        `utf8mb4_bin`, which both have, ignores trailing blanks (design section 3, rule 3).
        """
        return {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}[self.name]

    @property
    def connection_collation(self) -> str:
        """The collation for literals: the exact one where MySQL Connector, which dbt connects with, knows it."""
        return {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_bin"}[self.name]

    def require_supported(self) -> None:
        """Raise ServerError when the server is older than what Afterstate is made for."""
        if self.version[:2] < OLDEST[self.name]:
            raise ServerError(
                f"{self.title} is too old",
                "expected MySQL 8.4 or newer, or MariaDB 10.11 or newer: upgrade it, or name another server in "
                "`AFTERSTATE_MYSQL_URL`",
            )
