"""`dbt`, connected as the profile says: dbt's own command line, with the profile's TLS and with sessions of our own.

dbt-mysql 1.7 drops every `ssl_*` key of a profile (all but MariaDB's `ssl_disabled`), so its connections could be
encrypted, but never verified. `script/setup` makes it the environment's `dbt`; dbt's plugins would be too late,
and `dbt debug` loads none. A profile with TLS settings asks for the variable TLS_VARIABLE, which is set here: any other
dbt stops before it connects. It can go the day the adapter passes the settings on.

dbt-mysql also takes each session as the server's defaults make it, and waits forever for the greeting of a port that
listens and says nothing. Here sessions are set as the loaders' are, and the wait for a connection has an end.

Commands that write hold the warehouse's build lock while they run (see `afterstate.warehouse.build_lock`). A signal
to end reaches dbt as Ctrl-C, and dbt's statements on the server end with it.
"""

from __future__ import annotations

import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import afterstate.warehouse.quick_dbt  # noqa: F401 (its import is what it does)

# isort: split
import mysql.connector
import pymysql
from dbt.cli.main import cli
from dbt.exceptions import FailedToConnectError, FailFastError
from dbt.flags import get_flags
from dbt.task.clone import CloneTask
from dbt.task.run import RunTask
from dbt.task.run_operation import RunOperationTask
from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag
from mysql.connector.plugins import caching_sha2_password
from pymysql._auth import sha2_rsa_encrypt

from afterstate.errors import AfterstateError, ServerError
from afterstate.progress import quiet_build_progress
from afterstate.warehouse import connect as warehouse_connect
from afterstate.warehouse import in_parts, partial_parse, quick_events, quick_jinja, quick_results, quick_schemas
from afterstate.warehouse.build_lock import SEATS, BuildLock, BuildRefused
from afterstate.warehouse.connect import SESSION, tls_context, unverified_context
from afterstate.warehouse.dbt import NEXT_VARIABLE, NO_WAIT_VARIABLE, SAYS_VARIABLE, set_defaults
from afterstate.warehouse.holders import LOCK_WAIT_TIMEOUT, find_holders, who_may_know
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import TLS_VARIABLE, Credentials, read_warehouse, target_of
from afterstate.warehouse.published import MartsArePublished
from afterstate.warehouse.selection import say_nothing_matches
from afterstate.warehouse.settings import Settings

# What dbt's own tasks do; those of `build`, `seed`, `snapshot` and `test` are kinds of RunTask.
WRITING_TASKS = {task: task.run for task in (RunTask, CloneTask, RunOperationTask)}
# Those of them that write what a publish has written.
REPLACING_COMMANDS = ("build", "run", "seed", "snapshot", "clone")
WRONG_USAGE = 2  # an exit code, as dbt and Afterstate have it
_lock: BuildLock | None = None
_selected_nothing = ""  # what to say of a build for which nothing matched
open_connections: set[int] = set()  # dbt's, in this process


def main() -> None:
    """Run dbt's command line; with AFTERSTATE_HOME set, dbt finds the profile there."""
    set_defaults(Settings.from_environment(), os.environ)
    prepare()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has the last be ignored
            signal.signal(number, _interrupt)
    with quiet_build_progress(sys.argv) as callbacks:
        try:
            cli(prog_name="dbt", obj={"callbacks": callbacks})
        except SystemExit as ended:
            if not ended.code and _selected_nothing:
                _say(_selected_nothing)
                raise SystemExit(WRONG_USAGE) from None
            if not ended.code and NEXT_VARIABLE in os.environ:
                _say(f"next: {os.environ[NEXT_VARIABLE]}")
            raise


def prepare() -> None:
    """Make dbt-mysql, in this process, connect as described above and take the build lock."""
    _target.cache_clear()
    _tls_context.cache_clear()
    os.environ[TLS_VARIABLE] = "as the profile says"
    mysql.connector.connect = connect
    caching_sha2_password.MySQLCachingSHA2PasswordAuthPlugin = SealedPassword
    in_parts.install()
    partial_parse.install()
    quick_events.install()
    quick_results.install()
    settings = Settings.from_environment()
    target = settings.root / os.environ.get("DBT_TARGET_PATH", "target")
    quick_jinja.install(target / "templates")
    quick_schemas.install(target / "schemas")
    for task, run in WRITING_TASKS.items():
        task.run = _alone(run)


def connect(**arguments: Any) -> ProfileConnection:
    """Stand in for mysql.connector.connect, through which dbt-mysql connects."""
    target = _chosen()
    return ProfileConnection(target[1] if target else None, arguments)


def _chosen() -> tuple[Schemas, Credentials] | None:
    flags = get_flags()
    return _target(Path(str(flags.PROFILES_DIR)), flags.PROFILE, flags.TARGET)


@cache
def _target(folder: Path, profile: str | None, target: str | None) -> tuple[Schemas, Credentials] | None:
    """Read the profile once per run: dbt connects for every node, and reading takes longer than connecting."""
    return target_of(folder, profile, target)


@cache
def _tls_context(target: Credentials) -> ssl.SSLContext | None:
    """Read the profile's authorities once a run, too."""
    return tls_context(target)


@cache
def _any_server() -> ssl.SSLContext:
    """Return how to encrypt where the profile asks for no TLS but the server has it."""
    return unverified_context()


def _alone(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a task's `run` that holds the warehouse's build lock."""

    def run_alone(task: Any) -> Any:
        global _lock, _selected_nothing
        chosen = _chosen()
        if not chosen or os.environ.get(SAYS_VARIABLE):  # a profile of somebody else's, or nothing is written
            return run(task)
        try:
            with BuildLock(
                *chosen, f"dbt {get_flags().WHICH}", _say, waits=not os.environ.get(NO_WAIT_VARIABLE)
            ) as _lock:
                if get_flags().WHICH in REPLACING_COMMANDS:
                    _lock.require_built_here()
                result = run(task)
                _selected_nothing = say_nothing_matches(get_flags(), result)
                if _has_errors(result):
                    from afterstate.warehouse import missing_tables
                    from afterstate.warehouse.culprit import report_culprits  # imports all that landing needs

                    if advice := missing_tables.find_advice(task, result):
                        _say(advice)
                    with suppress(pymysql.MySQLError):  # the build's own errors have been reported
                        report_culprits(*chosen, task, result, _say)
                return result
        except (BuildRefused, MartsArePublished) as refused:
            # Of dbt's errors, this one ends with 1; 2 would mean wrong usage.
            raise FailFastError(str(refused)) from refused
        except ServerError as error:
            raise FailedToConnectError(str(error)) from error
        finally:
            _lock = None

    return run_alone


def _has_errors(result: Any) -> bool:
    return any(str(ran.status) == "error" for ran in getattr(result, "results", None) or ())


def _who_holds(statement: str) -> str:
    """Return who holds what a statement has waited for."""
    chosen = _chosen()
    if not chosen:
        return ""
    schemas, account = chosen
    folder = Path(str(get_flags().PROFILES_DIR)).resolve()
    settings = replace(Settings.from_environment(), schema=account.schema)
    if folder != settings.profiles_path.parent:
        settings = replace(settings, home=folder, profiles_path=folder / "profiles.yml")
    try:
        accounts = who_may_know(settings, read_warehouse(settings))
    except AfterstateError:  # a profile of somebody's own making
        accounts = [account]
    return find_holders(accounts, schemas.all(), statement=statement, but_not=open_connections).advice


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class ProfileConnection(MySQLConnection):
    """A connection that is encrypted and verified as far as the profile's target asks, or is not made."""

    def __init__(self, target: Credentials | None, arguments: dict[str, Any]) -> None:
        self._context: ssl.SSLContext | None = _tls_context(target) if target else None
        if target and target.ssl_disabled:
            arguments["ssl_disabled"] = True
        if target and target.unix_socket:  # dbt-mysql passes a socket on only where no server is named
            arguments["unix_socket"] = target.unix_socket
        # The limit is for connecting; a query may take as long as it takes.
        bounds = {"connection_timeout": warehouse_connect.CONNECT_TIMEOUT_SECONDS, "init_command": SESSION}
        self._thread = threading.get_ident()
        super().__init__(**{**bounds, **arguments})
        open_connections.add(self.connection_id)
        if _lock:
            self._take_seat(_lock)

    def cmd_query(self, query: Any, *arguments: Any, **options: Any) -> Any:
        """Run a statement; when it waited for a lock for too long, the error says who holds it."""
        try:
            return super().cmd_query(query, *arguments, **options)
        except mysql.connector.Error as error:
            if error.errno != LOCK_WAIT_TIMEOUT:
                raise
            text = query if isinstance(query, str) else bytes(query).decode()
            raise type(error)(f"{error.msg}\n  {_who_holds(text)}", error.errno, sqlstate=error.sqlstate) from error

    def is_connected(self) -> bool:
        """Return whether there is a socket: a cursor asks before each statement, which would itself say if it is dead.

        MySQL Connector's own sends a ping, a round trip for each statement.
        """
        return self._socket is not None

    def close(self) -> None:
        """End the connection; when another thread asks for it, dbt was interrupted, and the server ends it as well."""
        open_connections.discard(self.connection_id)
        if _lock and threading.get_ident() != self._thread:
            _lock.end(self.connection_id)
            self.shutdown()
        else:
            super().close()

    def _take_seat(self, lock: BuildLock) -> None:
        for _ in range(SEATS):
            with self.cursor() as cursor:
                cursor.execute(lock.seat())
                holder, is_seated = cursor.fetchone()
            if holder != lock.connection_id:
                raise mysql.connector.InterfaceError(
                    "the connection that holds this build's lock has ended, and another build may be at work; "
                    "build again"
                )
            if is_seated:
                return
        raise mysql.connector.InterfaceError(f"a build has {SEATS} connections at most; use fewer threads")

    def _do_handshake(self) -> None:
        """Read what the server offers; nothing has been sent to it yet."""
        super()._do_handshake()
        if self._context and not self._client_flags & ClientFlag.SSL:
            raise mysql.connector.InterfaceError("the profile asks for TLS, but the server offers none")

    def _get_connection(self) -> Any:
        connection = super()._get_connection()
        # MySQL Connector's own context would trust the system's authorities beside the profile's, and reads them all
        # for each connection. dbt makes one per node, so this was half of what a small build costs.
        connection.build_ssl_context = lambda **_: self._context or _any_server()
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
        """Send the whole password to a server that does not remember the account."""
        if self.ssl_enabled or auth_data[:1] != bytes([self.perform_full_authentication]):
            return super().auth_more_response(sock, auth_data, **options)  # type: ignore[no-any-return]
        sock.send(b"\x02")  # asks for the public key; it comes behind four bytes of header and one of status
        public_key = bytes(sock.recv())[5:]
        sock.send(sha2_rsa_encrypt(self._password.encode(), self._nonce, public_key))
        return bytes(sock.recv())


if __name__ == "__main__":
    main()
