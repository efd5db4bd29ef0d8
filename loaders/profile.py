"""`profiles.yml`, the one place where connection settings live: dbt reads it, and so do the loaders.

Each warehouse has three outputs, one an account: `<schema>` (dbt builds with it), `<schema>_landing` (the loaders write
with it) and `<schema>_bi` (read-only, for BI tools and exports). dbt's default target is the warehouse that was
brought up last. Written by `afterstate up` only, readable by its owner only.
"""

from __future__ import annotations

import os
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from loaders.errors import UsageError
from loaders.settings import DEFAULT_PORT, Schemas, Settings

PROFILE = "afterstate"
ROLES = ("dbt", "landing", "bi")
# Set by this environment's `dbt` (dbt_afterstate.py). Any other would drop the TLS settings and connect to whoever
# answers: it stops, since it does not find the variable.
TLS_VARIABLE = "AFTERSTATE_TLS"
BANNER = f"""\
# Written by `afterstate up`, for dbt and for the loaders. It holds passwords: keep it out of version control.
# Outputs: <schema> is dbt's account, <schema>_landing the loaders', <schema>_bi is read-only, for BI tools.
# An output that asks for {TLS_VARIABLE} works with `.venv/bin/dbt` and `afterstate build` only: dbt-mysql alone would
# not check the server's certificate.
"""


@dataclass(frozen=True)
class Connection:
    """One account on one server, spelled as dbt-mysql spells it; `type` is the engine."""

    type: str
    server: str
    port: int
    schema: str
    username: str
    password: str = field(repr=False)
    charset: str = "utf8mb4"
    collation: str | None = None
    threads: int = 4
    unix_socket: str | None = None  # where it is set, host and port are not used
    ssl_disabled: bool | None = None
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    ssl_verify_cert: bool | None = None
    ssl_verify_identity: bool | None = None

    @property
    def place(self) -> str:
        """Where the server is, as messages say it."""
        host = f"[{self.server}]" if ":" in self.server else self.server
        return self.unix_socket or f"{host}:{self.port}"

    @property
    def tls(self) -> dict[str, Any]:
        """The TLS settings that are set."""
        return {key: value for key, value in asdict(self).items() if key.startswith("ssl_") and value is not None}

    @property
    def needs_tls(self) -> bool:
        """Whether the connection must be encrypted; without settings it is where the server offers it."""
        return not self.ssl_disabled and bool(self.tls.keys() - {"ssl_disabled"})


@dataclass(frozen=True)
class Warehouse:
    """The schemas of one warehouse and the accounts that work in them."""

    schemas: Schemas
    dbt: Connection
    landing: Connection
    bi: Connection


def read_warehouse(settings: Settings) -> Warehouse:
    """Give the warehouse that the environment and the profile name.

    Raises UsageError when there is no profile yet, or it does not have the warehouse.
    """
    entry = _read(settings.profiles_path)
    if not entry:
        raise UsageError(f"there is no `{settings.profiles_path}` yet", "run `afterstate up` first")
    schema = settings.schema or str(entry["target"])
    outputs = entry["outputs"]
    names = {role: _output_name(schema, role) for role in ROLES}
    missing = [name for name in names.values() if name not in outputs]
    if missing:
        raise UsageError(
            f"`{settings.profiles_path}` has no warehouse `{schema}`",
            f"run `AFTERSTATE_SCHEMA={schema} afterstate up` first; it has: {', '.join(sorted(outputs))}",
        )
    warehouse = Warehouse(Schemas(schema), **{role: _connection(outputs[name]) for role, name in names.items()})
    _require_same_server(settings, warehouse)
    return warehouse


def known_schema(settings: Settings) -> str | None:
    """Give the schema that the profile's default target names, None without a profile."""
    entry = _read(settings.profiles_path)
    return str(entry["target"]) if entry else None


def known_connection(settings: Settings, schema: str, role: str) -> Connection | None:
    """Give the account that an earlier `afterstate up` wrote for this warehouse, None when that cannot be used."""
    output = _read(settings.profiles_path).get("outputs", {}).get(_output_name(schema, role))
    try:
        return _connection(output) if output else None
    except UsageError:
        return None


def target_connection(folder: Path, profile: str | None, target: str | None) -> Connection | None:
    """Give the connection that dbt's options choose, None where the profile is not one of ours."""
    try:
        entry = _load(folder / "profiles.yml")[profile or PROFILE]
        output = entry["outputs"][target or entry["target"]]
    except (KeyError, TypeError):
        return None
    return _connection(output) if "server" in output else None


def write_warehouse(settings: Settings, warehouse: Warehouse) -> None:
    """Put the warehouse into the profile and make it dbt's default target; other warehouses stay."""
    entry = _read(settings.profiles_path) or {"outputs": {}}
    entry["target"] = warehouse.schemas.marts
    for role in ROLES:
        connection = getattr(warehouse, role)
        output = {key: value for key, value in asdict(connection).items() if value is not None}
        if connection.needs_tls:
            output["tls"] = f"{{{{ env_var('{TLS_VARIABLE}') }}}}"
        entry["outputs"][_output_name(warehouse.schemas.marts, role)] = output
    write_private(settings.profiles_path, BANNER + yaml.safe_dump({PROFILE: entry}, sort_keys=False))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _output_name(schema: str, role: str) -> str:
    return schema if role == "dbt" else f"{schema}_{role}"


def _read(path: Path) -> dict[str, Any]:
    try:
        entry = _load(path).get(PROFILE, {})
        return dict(entry) if {"target", "outputs"} <= set(entry) else {}
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise UsageError(
            f"`{path}` is no dbt profile{_place(error)}", "mend it, or remove it and run `afterstate up`"
        ) from error


def _place(error: Exception) -> str:
    """Say where YAML ends without quoting the line, which may hold a password."""
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _load(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}


def _connection(output: dict[str, Any]) -> Connection:
    missing = [item.name for item in fields(Connection) if item.default is MISSING and item.name not in output]
    if missing:
        raise UsageError(f"an output of the profile has no `{missing[0]}`", "run `afterstate up`")
    known = {item.name for item in fields(Connection)}
    return Connection(**{key: value for key, value in output.items() if key in known})


def _require_same_server(settings: Settings, warehouse: Warehouse) -> None:
    """Refuse to work on one server while the environment names another."""
    url, known = settings.server_url, warehouse.dbt
    if not url:
        return
    socket = url.query.get("unix_socket")
    named = replace(
        known,
        server=url.host or "localhost",
        port=url.port or DEFAULT_PORT,
        unix_socket=str(Path(str(socket)).expanduser().absolute()) if socket else None,
    )
    if named.place != known.place:
        raise UsageError(
            f"`{settings.profiles_path}` is for {known.place}, but `AFTERSTATE_MYSQL_URL` names {named.place}",
            "run `afterstate up` to use the server of the URL, or unset the variable",
        )
