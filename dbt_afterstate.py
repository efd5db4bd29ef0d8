"""`dbt`, connected as the profile says: dbt's own command line, with the profile's TLS and with sessions of our own.

dbt-mysql 1.7 drops every `ssl_*` key of a profile (all but MariaDB's `ssl_disabled`), so its connections could be
encrypted, but never verified. This module is installed as the environment's `dbt`; dbt's plugins would be too late,
and `dbt debug` loads none. A profile with TLS settings asks for the variable TLS_VARIABLE, which is set here: any other
dbt stops before it connects. It can go the day the adapter passes the settings on.

dbt-mysql also takes each session as the server's defaults make it, and waits for ever for the greeting of a port that
listens and says nothing. Here sessions are set as the loaders' are, and the wait for a connection has an end.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import mysql.connector
from dbt.cli.main import cli
from dbt.flags import get_flags
from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag
from mysql.connector.plugins import caching_sha2_password
from pymysql._auth import sha2_rsa_encrypt

from loaders import connect as loaders_connect
from loaders.connect import SESSION, tls_context
from loaders.dbt import set_places
from loaders.profile import TLS_VARIABLE, Connection, target_connection
from loaders.settings import Settings


def main() -> None:
    """Run dbt's command line; with AFTERSTATE_HOME set, dbt finds the profile there."""
    set_places(Settings.from_environment(), os.environ)
    prepare()
    cli(prog_name="dbt")


def prepare() -> None:
    """Let dbt-mysql, in this process, connect as described above."""
    _target.cache_clear()
    os.environ[TLS_VARIABLE] = "as the profile says"
    mysql.connector.connect = connect
    caching_sha2_password.MySQLCachingSHA2PasswordAuthPlugin = SealedPassword


def connect(**arguments: Any) -> ProfileConnection:
    """Stand in for mysql.connector.connect, through which dbt-mysql connects."""
    flags = get_flags()
    return ProfileConnection(_target(Path(str(flags.PROFILES_DIR)), flags.PROFILE, flags.TARGET), arguments)


@cache
def _target(folder: Path, profile: str | None, target: str | None) -> Connection | None:
    """Read the profile once a run: dbt connects for every node, and reading takes longer than connecting."""
    return target_connection(folder, profile, target)


class ProfileConnection(MySQLConnection):
    """A connection that is encrypted and verified as far as the profile's target asks, or is not made."""

    def __init__(self, target: Connection | None, arguments: dict[str, Any]) -> None:
        self._context: ssl.SSLContext | None = tls_context(target) if target else None
        if target and target.ssl_disabled:
            arguments["ssl_disabled"] = True
        # The limit is for connecting; a query may take as long as it takes.
        bounds = {"connection_timeout": loaders_connect.CONNECT_TIMEOUT_SECONDS, "init_command": SESSION}
        super().__init__(**{**bounds, **arguments})

    def _do_handshake(self) -> None:
        """Learn what the server offers; nothing has been sent to it yet."""
        super()._do_handshake()
        if self._context and not self._client_flags & ClientFlag.SSL:
            raise mysql.connector.InterfaceError("the profile asks for TLS, but the server offers none")

    def _get_connection(self) -> Any:
        connection = super()._get_connection()
        if self._context:
            # MySQL Connector's own context would trust the system's authorities beside the profile's.
            connection.build_ssl_context = lambda **_: self._context
        return connection


class SealedPassword(caching_sha2_password.MySQLCachingSHA2PasswordAuthPlugin):
    """MySQL's default authentication; without TLS, MySQL Connector would send the password as it is.

    Sealed with the server's public key instead, as the manual describes ("Caching SHA-2 Pluggable Authentication").
    """

    _nonce = b""

    def auth_response(self, auth_data: bytes, **options: Any) -> bytes | None:
        """Answer the server's nonce with a scramble."""
        self._nonce = auth_data if len(auth_data) > 1 else self._nonce
        return super().auth_response(auth_data, **options)  # type: ignore[no-any-return]

    def auth_more_response(self, sock: Any, auth_data: bytes, **options: Any) -> bytes:
        """Give the server, which does not remember the account, the whole password."""
        if self.ssl_enabled or auth_data[:1] != bytes([self.perform_full_authentication]):
            return super().auth_more_response(sock, auth_data, **options)  # type: ignore[no-any-return]
        sock.send(b"\x02")  # asks for the public key; it comes behind four bytes of header and one of status
        public_key = bytes(sock.recv())[5:]
        sock.send(sha2_rsa_encrypt(self._password.encode(), self._nonce, public_key))
        return bytes(sock.recv())


if __name__ == "__main__":
    main()
