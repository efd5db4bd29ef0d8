"""`AFTERSTATE_MYSQL_URL` and the URL that `afterstate url` prints: both spell credentials and TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from afterstate.errors import UsageError
from afterstate.warehouse.profile import Credentials
from afterstate.warehouse.settings import DEFAULT_PORT

# What a URL may ask for, as MySQL's own clients (`ssl-mode`) and as PyMySQL spell it.
TLS_MODES: dict[str, dict[str, Any]] = {
    "DISABLED": {"ssl_disabled": True},
    "PREFERRED": {},
    "REQUIRED": {"ssl_verify_cert": False, "ssl_verify_identity": False},
    "VERIFY_CA": {"ssl_verify_cert": True, "ssl_verify_identity": False},
    "VERIFY_IDENTITY": {"ssl_verify_cert": True, "ssl_verify_identity": True},
}
TLS_PATHS = ("ssl_ca", "ssl_cert", "ssl_key")
TLS_SWITCHES = ("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")


def credentials_of(url: URL) -> Credentials:
    """Return the credentials that `AFTERSTATE_MYSQL_URL` holds, with the TLS that it asks for.

    Raises UsageError for an option that is unknown or has no meaning.
    """
    options = {key.replace("-", "_"): str(value) for key, value in url.query.items()}
    tls: dict[str, Any] = {key: _pem_file(key, options.pop(key)) for key in TLS_PATHS if key in options}
    if "ssl_ca" in tls:
        tls |= TLS_MODES["VERIFY_IDENTITY"]  # who names a CA wants it to be asked
    mode = options.pop("ssl_mode", None)
    if mode is not None:
        if mode.upper() not in TLS_MODES:
            raise UsageError(f"`AFTERSTATE_MYSQL_URL` has `ssl_mode={mode}`", f"expected one of {', '.join(TLS_MODES)}")
        tls |= TLS_MODES[mode.upper()]
    tls |= {key: _switch(key, options.pop(key)) for key in TLS_SWITCHES if key in options}
    if "ssl_check_hostname" in options:  # SQLAlchemy's name for it, as `afterstate url` prints it
        tls["ssl_verify_identity"] = _switch("ssl_check_hostname", options.pop("ssl_check_hostname"))
    options.pop("charset", None)
    unix_socket = _socket(options.pop("unix_socket")) if "unix_socket" in options else None
    if options:
        known = ", ".join(("unix_socket", "ssl_mode", *TLS_PATHS, *TLS_SWITCHES))
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has the unknown option `{sorted(options)[0]}`", f"expected some of: {known}"
        )
    return Credentials(
        type=url.get_backend_name(),
        server=url.host or "localhost",
        port=url.port or DEFAULT_PORT,
        schema="",
        username=str(url.username),
        password=str(url.password or ""),
        unix_socket=unix_socket,
        **tls,
    )


def sqlalchemy_url(credentials: Credentials) -> str:
    """Return the URL for SQLAlchemy, pandas and BI tools: PyMySQL, the marts' schema, TLS as far as a URL can say it.

    The URL holds the password. Both servers go by `mysql+pymysql`, which SQLAlchemy tells apart by itself.
    """
    query = {"charset": credentials.charset}
    if credentials.unix_socket:
        query["unix_socket"] = credentials.unix_socket
    query |= {key: str(value) for key, value in credentials.tls.items() if key in TLS_PATHS}
    if credentials.ssl_ca:
        query["ssl_check_hostname"] = str(bool(credentials.ssl_verify_identity)).lower()
    return URL.create(
        "mysql+pymysql",
        credentials.username,
        credentials.password,
        credentials.server,
        credentials.port,
        credentials.schema,
        query,
    ).render_as_string(hide_password=False)


def _pem_file(key: str, value: str) -> str:
    path = Path(value).expanduser().absolute()  # the profile is used from other folders, too
    if not path.is_file():
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has `{key}={value}`, which is not a file", "expected a PEM file's path"
        )
    return str(path)


def _socket(value: str) -> str:
    path = Path(value).expanduser().absolute()
    if not path.is_socket():
        raise UsageError(
            f"`AFTERSTATE_MYSQL_URL` has `unix_socket={value}`, where no server listens",
            "expected the path of a running server's socket (`select @@socket` on it)",
        )
    return str(path)


def _switch(key: str, value: str) -> bool:
    if value.lower() not in ("true", "1", "false", "0"):
        raise UsageError(f"`AFTERSTATE_MYSQL_URL` has `{key}={value}`", "expected true or false")
    return value.lower() in ("true", "1")
