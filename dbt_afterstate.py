"""A dbt plugin: the TLS settings of the profile reach the server.

dbt-mysql 1.7 drops every `ssl_*` key of a profile (all but MariaDB's `ssl_disabled`), so a connection could be
encrypted but never verified. dbt imports modules named `dbt_*` as plugins; this one adds the keys to the connections
of the same server and account. It can go the day the adapter passes them on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mysql.connector
import yaml
from dbt.flags import get_flags
from dbt.plugins.manager import dbtPlugin


class TlsFromProfile(dbtPlugin):
    """Adds the profile's `ssl_*` settings to dbt's connections."""

    def initialize(self) -> None:
        """Wrap mysql.connector.connect once; dbt makes plugins before it connects."""
        plain = getattr(mysql.connector.connect, "plain", mysql.connector.connect)
        outputs = _outputs(Path(str(get_flags().PROFILES_DIR)) / "profiles.yml")

        def connect(**arguments: Any) -> Any:
            return plain(**arguments, **_tls(outputs, arguments))

        connect.plain = plain  # type: ignore[attr-defined]
        mysql.connector.connect = connect


def _outputs(path: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return []
    return [output for entry in document.values() for output in entry.get("outputs", {}).values()]


def _tls(outputs: list[dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the TLS settings of the output that a connection belongs to."""
    wanted = (arguments.get("host"), arguments.get("port"), arguments.get("user"))
    for output in outputs:
        if (output.get("server"), output.get("port"), output.get("username")) == wanted:
            return {key: value for key, value in output.items() if key.startswith("ssl_") and key not in arguments}
    return {}


plugins = [TlsFromProfile]
