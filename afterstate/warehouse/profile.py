"""`profiles.yml`, the one place where connection settings live: dbt reads it, and so do the loaders.

Each warehouse has three outputs: `<target>` (dbt builds with it), `<target>_landing` (the loaders write with it) and
`<target>_bi` (for BI tools and exports). On a server where `up` may make accounts, each is an account of its own and
the last one only reads; elsewhere one account does all the work. dbt's default target is the warehouse that was
brought up last. A profile belongs to one server. Written by `afterstate up` only, readable by its owner only.
"""

from __future__ import annotations

import shlex
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from afterstate.errors import UsageError
from afterstate.output import write_private
from afterstate.warehouse.layout import ONE_DATABASE, Schemas
from afterstate.warehouse.settings import DEFAULT_PORT, Settings

PROFILE = "afterstate"
ROLES = ("dbt", "landing", "bi")
# Set by this environment's `dbt` (dbt_afterstate.py). Any other would drop the TLS settings and connect to whoever
# answers: it stops, since it does not find the variable.
TLS_VARIABLE = "AFTERSTATE_TLS"
BANNER = f"""\
# Written by `afterstate up`, for dbt and for the loaders. It holds passwords: keep it out of version control.
# An output that asks for {TLS_VARIABLE} works with `.venv/bin/dbt` and `afterstate build` only: dbt-mysql alone would
# not check the server's certificate.
"""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Credentials:
    """What it takes to connect: one account on one server, under dbt-mysql's names.

    `type` is the engine; `is_private` marks the private server of the profile's own home.
    """

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
    is_private: bool | None = None
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
    dbt: Credentials
    landing: Credentials
    bi: Credentials

    @property
    def is_bi_apart(self) -> bool:
        """Whether BI has an account of its own, which only reads; otherwise its login can change everything."""
        return self.bi.username not in (self.dbt.username, self.landing.username)

    def table(self, layer: str, name: str) -> str:
        """Return the qualified, quoted name of a table or view of a layer, for SQL."""
        return self.schemas.table(layer, name)


def read_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse that the environment and the profile name.

    Raises UsageError when there is no profile yet, it does not have the warehouse, or the environment's URL names
    another server.
    """
    entry = _read(settings.profiles_path)
    if not entry:
        raise UsageError(f"there is no `{settings.profiles_path}` yet", "run `afterstate up` first")
    found = known_schemas(settings)
    if not found:
        raise UsageError(
            f"`{settings.profiles_path}` has no warehouse `{settings.schema}`",
            f"run `AFTERSTATE_SCHEMA={shlex.quote(settings.schema or '')} afterstate up` first; it has: "
            f"{', '.join(sorted(Schemas.of_target(name).marts for name in _targets(entry['outputs'])))}",
        )
    outputs = {role: entry["outputs"].get(_output_name(found, role)) for role in ROLES}
    if not all(outputs.values()):
        raise UsageError(f"`{settings.profiles_path}` lacks an output of `{found.marts}`", "run `afterstate up`")
    warehouse = Warehouse(found, **{role: _credentials(output) for role, output in outputs.items()})
    _require_same_server(settings, warehouse)
    return warehouse


def known_schemas(settings: Settings) -> Schemas | None:
    """Return the layout of the profile's warehouse that the environment names, or of dbt's default target.

    None without a profile, or when it does not have that warehouse. A server may have changed a name to lower case.
    """
    entry = _read(settings.profiles_path)
    if not entry:
        return None
    if not settings.schema:
        return Schemas.of_target(str(entry["target"]))
    named = (Schemas(settings.schema), Schemas(settings.schema, is_one_database=True))
    lower = (Schemas(settings.schema.lower()), Schemas(settings.schema.lower(), is_one_database=True))
    return next((schemas for schemas in (*named, *lower) if schemas.target in entry["outputs"]), None)


def known_credentials(settings: Settings, schemas: Schemas, role: str) -> Credentials | None:
    """Return what an earlier `afterstate up` wrote for a role of this warehouse, None when that cannot be used."""
    output = _read(settings.profiles_path).get("outputs", {}).get(_output_name(schemas, role))
    try:
        return _credentials(output) if output else None
    except UsageError:
        return None


def known_server(settings: Settings) -> Credentials | None:
    """Return credentials for the server that the profile belongs to, None without a profile that can be used."""
    entry = _read(settings.profiles_path)
    outputs = entry.get("outputs", {})
    for name in (entry.get("target"), *outputs):
        try:
            return _credentials(outputs[name])
        except (KeyError, TypeError, UsageError):
            continue
    return None


def is_same_server(one: Credentials, other: Credentials) -> bool:
    """Return whether both are for the same server; the names of this machine are one."""
    if one.unix_socket or other.unix_socket:
        return one.unix_socket == other.unix_socket
    hosts = {LOOPBACK[0] if host in LOOPBACK else host.lower() for host in (one.server, other.server)}
    return len(hosts) == 1 and one.port == other.port


def target_of(folder: Path, profile: str | None, target: str | None) -> tuple[Schemas, Credentials] | None:
    """Return the layout and the credentials that dbt's options choose, None where the profile is not one of ours."""
    try:
        entry = _load(folder / "profiles.yml")[profile or PROFILE]
        name = str(target or entry["target"])
        output = entry["outputs"][name]
    except (KeyError, TypeError):
        return None
    if "server" not in output:
        return None
    credentials = _credentials(output)
    return Schemas(credentials.schema, is_one_database=name.endswith(ONE_DATABASE)), credentials


def write_warehouse(settings: Settings, warehouse: Warehouse) -> None:
    """Put the warehouse into the profile and make it dbt's default target.

    Other warehouses of the same server stay; the private server's follow it when it moves to another port. Those of
    another server go: a profile belongs to one.
    """
    known = _read(settings.profiles_path).get("outputs", {})
    outputs = {name: moved for name, output in known.items() if (moved := _moved(output, warehouse.dbt))}
    for role in ROLES:
        credentials = getattr(warehouse, role)
        output = {key: value for key, value in asdict(credentials).items() if value is not None}
        if credentials.needs_tls:
            output["tls"] = f"{{{{ env_var('{TLS_VARIABLE}') }}}}"
        outputs[_output_name(warehouse.schemas, role)] = output
    entry = {"target": warehouse.schemas.target, "outputs": outputs}
    text = yaml.safe_dump({PROFILE: entry}, sort_keys=False, allow_unicode=True)
    write_private(settings.profiles_path, BANNER + _who_may_what(outputs) + text)


def _moved(output: dict[str, Any], server: Credentials) -> dict[str, Any] | None:
    """Return an output as it is where the server is now, None when it belongs to another server."""
    try:
        known = _credentials(output)
    except UsageError:
        return None
    if known.is_private and server.is_private:
        return {**output, "server": server.server, "port": server.port}
    return output if is_same_server(known, server) else None


def _who_may_what(outputs: dict[str, Any]) -> str:
    """Write into the profile what each warehouse's logins can do."""
    lines = []
    for target in _targets(outputs):
        users = {role: outputs[f"{target}{ending}"].get("username") for role, ending in _ENDINGS.items()}
        if users["bi"] in (users["dbt"], users["landing"]):
            lines.append(f"# {target}: one account does all the work. Whoever has its password can change everything.")
        else:
            lines.append(f"# {target}: dbt's account; {target}_landing: the loaders'; {target}_bi: reads only, for BI.")
    return "".join(f"{line}\n" for line in lines)


def _targets(outputs: dict[str, Any]) -> list[str]:
    """Return the outputs that are dbt's: one for each warehouse."""
    return [name for name in outputs if f"{name}_bi" in outputs]


_ENDINGS = {"dbt": "", "landing": "_landing", "bi": "_bi"}


def _output_name(schemas: Schemas, role: str) -> str:
    return schemas.target + _ENDINGS[role]


def _read(path: Path) -> dict[str, Any]:
    try:
        entry = _load(path).get(PROFILE, {})
        return dict(entry) if {"target", "outputs"} <= set(entry) else {}
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise UsageError(
            f"`{path}` is not a dbt profile{_place(error)}", "fix it, or remove it and run `afterstate up`"
        ) from error


def _place(error: Exception) -> str:
    """Return where YAML ends without quoting the line, which may hold a password."""
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _load(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}


def _credentials(output: dict[str, Any]) -> Credentials:
    missing = [item.name for item in fields(Credentials) if item.default is MISSING and item.name not in output]
    if missing:
        raise UsageError(f"an output of the profile has no `{missing[0]}`", "run `afterstate up`")
    known = {item.name for item in fields(Credentials)}
    return Credentials(**{key: value for key, value in output.items() if key in known})


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
    if not is_same_server(named, known):
        raise UsageError(
            f"`{settings.profiles_path}` belongs to the server {known.place}, and `AFTERSTATE_MYSQL_URL` names "
            f"{named.place}",
            "unset the variable to use the warehouse of the profile; for the server of the URL, give it a profile of "
            "its own with AFTERSTATE_HOME, or run `afterstate up --replace`",
        )
