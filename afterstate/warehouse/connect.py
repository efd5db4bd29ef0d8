"""Connections to the server: what each session is set to, TLS as the profile says, and a guarded LOAD DATA LOCAL.

A server may answer any statement with a request for any file of a client that allows LOCAL (MySQL manual, "Security
Considerations for LOAD DATA LOCAL"). A LandingConnection serves the one stream that its caller hands it and refuses
everything else; all other connections have LOCAL turned off.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from pymysql.connections import LoadLocalPacketWrapper, MySQLResult

from afterstate.errors import AccountRefused, ServerError
from afterstate.warehouse.engines import Engine
from afterstate.warehouse.liveness import check_liveness
from afterstate.warehouse.profile import Credentials

CONNECT_TIMEOUT_SECONDS = 10
# The name under which LOAD DATA LOCAL asks for the caller's stream.
STREAM_NAME = "afterstate-stream"
# Every session, the loaders' and dbt's, means the same by a quote and a number, whatever the server's defaults are:
# a value that does not fit is an error, tables take part in transactions, and time is counted in UTC. Nobody waits
# for a lock for a day (MariaDB's default) or a year (MySQL's), nor do the readers that queue behind who waits.
LOCK_WAIT_SECONDS = 60
SQL_MODE = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
SESSION = (
    f"set session sql_mode = '{SQL_MODE}', session time_zone = '+00:00', session default_storage_engine = InnoDB, "
    f"session lock_wait_timeout = {LOCK_WAIT_SECONDS}, session innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}"
)


class _GuardedResult(MySQLResult):
    """A result that answers a request for a local file only with the connection's own stream."""

    def _read_load_local_packet(self, first_packet: Any) -> None:
        asked = LoadLocalPacketWrapper(first_packet).filename
        connection = self.connection
        stream, connection.stream = connection.stream, None
        allowed = stream is not None and asked == STREAM_NAME.encode()
        is_between_packets = True
        try:
            for chunk in filter(len, stream or ()) if allowed else ():  # an empty packet would end the stream
                is_between_packets = False
                connection.write_packet(chunk)
                is_between_packets = True
        finally:
            if is_between_packets:
                connection.write_packet(b"")  # the empty packet ends the stream
                packet = connection._read_packet()
            else:  # the server would take what follows for the rest of the packet
                connection._force_close()
        if not allowed:
            raise ServerError(f"the server asked for the local file {asked!r}, which it was not offered")
        self._read_ok_packet(packet)


class _Connection(pymysql.connections.Connection):
    """A connection that does not load the system's authorities (20 ms) where it verifies nobody."""

    def _create_ssl_ctx(self, settings: Any) -> ssl.SSLContext:
        return settings if isinstance(settings, ssl.SSLContext) else unverified_context()


class LandingConnection(_Connection):
    """A connection that can stream bytes into LOAD DATA LOCAL, and never sends a local file."""

    stream: Iterable[bytes | memoryview] | None = None

    def load(self, statement: str, stream: Iterable[bytes | memoryview]) -> tuple[int, int]:
        """Run LOAD DATA LOCAL INFILE 'afterstate-stream', fed with `stream`.

        Returns (rows stored, warnings). Raises what the stream raises; the caller rolls back.
        """
        self.stream = stream
        try:
            rows = self.query(statement)
        finally:
            self.stream = None
        return rows, self.warning_count

    def cut(self) -> None:
        """End what goes on, from another thread: who waits for the server there hears of it at once."""
        if self._sock:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def rollback(self) -> None:
        """Roll back what was not committed; where the connection has ended, the server did so itself."""
        if self.open:
            super().rollback()

    @property
    def warning_count(self) -> int:
        """The number of warnings of the last statement."""
        return int(self._result.warning_count) if self._result else 0

    def _read_query_result(self, unbuffered: bool = False) -> int:
        self._result = None
        result = _GuardedResult(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows)


def connect(credentials: Credentials, *, landing: bool = False) -> Any:
    """Open a PyMySQL connection with the account's settings, in autocommit off.

    `landing` returns a LandingConnection. A statement may take as long as the server works on it (see `liveness`).
    Raises ServerError when the server cannot be reached or refuses the account.
    """
    opened = _open(credentials, LandingConnection if landing else _Connection)
    check_liveness(opened, lambda: _open(credentials, _Connection))
    return opened


def _open(credentials: Credentials, make: type[_Connection]) -> Any:
    """Open a connection on which nothing is waited for longer than for a greeting."""
    try:
        return make(
            host=credentials.server,
            port=credentials.port,
            unix_socket=credentials.unix_socket,
            user=credentials.username,
            password=credentials.password.encode(),
            charset=credentials.charset,
            collation=credentials.collation,
            local_infile=issubclass(make, LandingConnection),
            init_command=SESSION,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=CONNECT_TIMEOUT_SECONDS,
            write_timeout=CONNECT_TIMEOUT_SECONDS,
            ssl=tls_context(credentials),
            ssl_disabled=credentials.ssl_disabled,
        )
    except (pymysql.err.OperationalError, pymysql.err.InternalError, OSError) as error:
        raise _refused(credentials, error) from error


def tls_context(credentials: Credentials) -> ssl.SSLContext | None:
    """Return how to encrypt and what to verify, for dbt too; None where that is left to the server.

    The drivers' own options check less than they say: PyMySQL no host name without `ssl_ca`, MySQL Connector any
    authority of the system beside `ssl_ca`, and neither insists on TLS without a certificate to verify.
    Raises ServerError when a file that the profile names cannot be used.
    """
    if not credentials.needs_tls:
        return None
    verifies = credentials.ssl_verify_cert or credentials.ssl_verify_identity
    try:
        context = ssl.create_default_context(cafile=credentials.ssl_ca) if verifies else unverified_context()
        if credentials.ssl_cert:
            context.load_cert_chain(credentials.ssl_cert, credentials.ssl_key)
    except OSError as error:
        named = ", ".join(filter(None, (credentials.ssl_ca, credentials.ssl_cert, credentials.ssl_key)))
        raise ServerError(f"the TLS files {named} cannot be used: {error}", "expected PEM files") from error
    # Authorities that servers make for themselves lack what newer Pythons insist on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = bool(credentials.ssl_verify_identity)
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that encrypts and verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def open_cursor(credentials: Credentials) -> Iterator[Any]:
    """Open a cursor on a connection of its own, for a few statements; what they did is committed at the end.

    Raises ServerError as `connect` does.
    """
    opened = connect(credentials)
    try:
        with opened.cursor() as cursor:
            yield cursor
        opened.commit()
    finally:
        opened.close()


def detect(credentials: Credentials) -> Engine:
    """Ask the server what it is.

    Raises ServerError when it cannot be reached, or is neither MySQL nor MariaDB.
    """
    with open_cursor(credentials) as cursor:
        cursor.execute("select version()")
        return Engine.from_version(cursor.fetchone()[0])


def greeting(credentials: Credentials) -> Engine:
    """Return what the server says that it is before anybody logs in: the first packet of the protocol has its version.

    Raises ServerError when nothing answers, or what answers is neither MySQL nor MariaDB.
    """
    try:
        with socket.create_connection((credentials.server, credentials.port), CONNECT_TIMEOUT_SECONDS) as opened:
            packet = opened.recv(256)
    except OSError as error:
        raise _refused(credentials, error) from error
    return Engine.from_version(packet[5:].partition(b"\0")[0].decode("ascii", "replace"))


def _refused(credentials: Credentials, error: Exception) -> ServerError:
    where = f"{credentials.username}@{credentials.place}"
    code = error.args[0] if error.args else None
    if code in (1044, 1045, 1698, 1862):  # the last: its password has expired
        return AccountRefused(f"the server refused the account {where}", "`afterstate doctor` says how to fix it")
    detail = error.args[-1] if error.args else error
    return ServerError(
        f"no connection as {where}: {detail}",
        "is the server running? `afterstate status` shows, `afterstate up` starts the private one",
    )
