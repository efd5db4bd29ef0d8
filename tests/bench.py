"""A warehouse on a real server, and what tests do with it; the fixtures that make one are in conftest.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pymysql
import pytest
from click.testing import CliRunner, Result
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.nodes import ParsedNode
from pymysql.constants import ER

import dbt_afterstate
from afterstate.cli.main import main
from afterstate.errors import ServerError
from afterstate.server.data import make_data
from afterstate.server.private import PrivateServer
from afterstate.server.programs import find_program
from afterstate.warehouse.admin_sql import one_database_grants
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.dbt import dbt_command
from afterstate.warehouse.file_lock import one_at_a_time
from afterstate.warehouse.layout import LAYERS, Schemas
from afterstate.warehouse.profile import Credentials, Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings
from tools import server_programs

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("mariadb", "mysql")
IN_CI = bool(os.environ.get("CI"))
# How a test's warehouse stands on its server: as an administrator has it, or as an account with one database has it.
LAYOUTS = ("one_database", "four_schemas")
LAYER_TABLE = re.compile(rf"`?\{{({'|'.join(LAYERS)})\}}`?\.`?(\w+)`?")
# What makes `dbt build` leave its tests out; selecting models alone would bring their tests along.
WITHOUT_TESTS = ("--resource-type", "model", "--resource-type", "seed")


@dataclass
class Server:
    """A running private server and the environment that leads to it."""

    engine: str
    home: Path
    program: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def environment(self) -> dict[str, str]:
        return {"AFTERSTATE_HOME": str(self.home), "AFTERSTATE_SERVER_PROGRAM": str(self.program)}

    @property
    def admin(self) -> Credentials:
        return self.private._admin()

    @property
    def private(self) -> PrivateServer:
        return PrivateServer(Settings.from_environment(self.environment))

    def copy_data(self, session: Path) -> None:
        """Begin with a copy of an empty data directory; the first server of the session makes it, which takes seconds.

        `session` is the folder that pytest's workers share.
        """
        data, made = self.private.places.data, session / f"{self.engine}-data"
        program = find_program(self.program)
        assert program
        with one_at_a_time(session / f"{self.engine}-data.lock"):
            if not made.exists():
                make_data(program, self.private.places, print)
                data.rename(made)
        shutil.copytree(made, data)


def server_program(engine: str) -> Path:
    """Return a server program of that engine, fetching or installing it where it is missing; skip without one."""
    try:
        return server_programs.server_program(engine)
    except ServerError as error:
        missing(error.what)


def missing(reason: str) -> NoReturn:
    """Skip a test for what this machine lacks, which CI must have."""
    if IN_CI:
        pytest.fail(f"CI must run this: {reason}")
    pytest.skip(f"not run here: {reason}")


def invoke_dbt(line: list[str], artifacts: Path) -> dbtRunnerResult:
    """Run dbt in this process, which spares its start, connected as the environment's own `dbt` connects.

    What it parsed is kept in `artifacts` from one run to the next: no macro changes in between.
    """
    dbt_afterstate.prepare()
    reset_adapters()  # dbt keeps the first warehouse's connections otherwise
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(artifacts))
        patch.setenv("DBT_LOG_PATH", str(artifacts / "logs"))
        # dbt 1.7 takes the project's own setting over its option, but not over the variable
        patch.setenv("DBT_PARTIAL_PARSE", "true")
        # a test says what failed, so nobody reads logs; of the artifacts, only the documentation's are looked at
        patch.setenv("DBT_LOG_LEVEL_FILE", "none")
        patch.setenv("DBT_WRITE_JSON", str(line[0] in ("docs", "source")))
        patch.setattr(ParsedNode, "write_node", lambda *_: None)  # nor the SQL of each node, in a file of its own
        return dbtRunner().invoke([*line, "--quiet"])


@dataclass
class Bench:
    """A fresh warehouse on a test server, and what tests do with it."""

    server: Server
    environment: dict[str, str]
    folder: Path

    @property
    def warehouse(self) -> Warehouse:
        return read_warehouse(self.settings)

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def artifacts(self) -> Path:
        """Where dbt keeps what it knows of this warehouse, and what it says of it."""
        return self.server.home / "target" / (self.settings.schema or "default")

    @property
    def process_environment(self) -> dict[str, str]:
        """Return what a process of its own runs with; its dbt goes on from what was parsed in this one."""
        return {**os.environ, **self.environment, "DBT_TARGET_PATH": str(self.artifacts)}

    def at_home(self, home: Path) -> Bench:
        """Return the same warehouse as the profile in another home has it; a URL would name its server once more."""
        environment = {name: value for name, value in self.environment.items() if name != "AFTERSTATE_MYSQL_URL"}
        return replace(self, environment={**environment, "AFTERSTATE_HOME": str(home)})

    def run(self, *arguments: str | Path) -> Result:
        """Run `afterstate` in this process."""
        return CliRunner().invoke(main, [str(argument) for argument in arguments], env=self.environment)

    def build(self, *arguments: str) -> dict[str, str]:
        """Run `dbt build`, expensive tests included, and return each node's status by its name; no node may fail."""
        return self.dbt("build", *(arguments or ("--selector", "full")))

    def run_models(self, *arguments: str) -> dict[str, str]:
        """Run `dbt run`: the models without their tests."""
        return self.dbt("run", *arguments)

    def check(self, test: str, *arguments: str) -> str:
        """Build every model, but run one test only, and give its status."""
        self.build_without_tests(*arguments)
        return self.dbt("test", "--select", test)[test]

    def build_without_tests(self, *arguments: str) -> dict[str, str]:
        """Run `dbt build` for models and seeds alone."""
        return self.build(*WITHOUT_TESTS, *arguments)

    def dbt(self, command: str, *arguments: str) -> dict[str, str]:
        """Run a dbt command, such as `docs generate`, with the warehouse's own project."""
        line = dbt_command(self.settings, command, arguments)[3:]
        done = invoke_dbt(line, self.artifacts)
        statuses = {result.node.name: str(result.status) for result in getattr(done.result, "results", [])}
        assert done.success, (done.exception, {name: s for name, s in statuses.items() if s in ("error", "fail")})
        return statuses

    def query(self, statement: str, *values: Any, role: str = "landing") -> list[tuple[Any, ...]]:
        """Run SQL with an account of the warehouse; `{marts}`, `{landing}`, `{staging}`, `{audit}` are its schemas.

        `{landing}.name` is the table in whatever form the warehouse has.
        """
        with open_cursor(getattr(self.warehouse, role)) as cursor:
            cursor.execute(self.sql(statement), values or None)
            return list(cursor.fetchall())

    def sql(self, statement: str) -> str:
        """Return a statement with the warehouse's names for `{marts}`, `{landing}.name` and the like."""
        schemas = self.warehouse.schemas
        named = LAYER_TABLE.sub(lambda match: schemas.table(match[1], match[2]), statement)
        return named.format(**{layer: schemas.schema(layer) for layer in LAYERS})

    def landing_columns(self) -> dict[str, list[str]]:
        """Return the columns of each table of the landing layer, in their order."""
        schemas = self.warehouse.schemas
        found: dict[str, list[str]] = {}
        for table, column in self.query(
            "select table_name, column_name from information_schema.columns where table_schema = %s "
            "order by table_name, ordinal_position",
            schemas.landing,
        ):
            if table.startswith(schemas.prefix("landing")):
                found.setdefault(table.removeprefix(schemas.prefix("landing")), []).append(column)
        return found

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file for landing and give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Land with `--json` and give the objects; fails on exit codes that tests of their own look at."""
        result = self.run("land", *arguments, "--json")
        assert result.exit_code in (0, 1, 3), result.output
        return list(json.loads(result.stdout))


def empty_place(server: Server, folder: Path, layout: str = LAYOUTS[0]) -> Bench:
    """Return a place for a warehouse on a running server, where none is up any more.

    It has the same name for every test, so that dbt, which notes schemas with what it has parsed, parses the project
    once a server, and the profile stays as short as a user's.
    """
    if layout == "one_database":
        return one_database_place(server, folder, "Test_Database")
    name = "test_warehouse"
    with open_cursor(server.admin) as cursor:
        for schema in Schemas(name).all():
            cursor.execute(f"drop database if exists `{schema}`")
    return Bench(server, {**server.environment, "AFTERSTATE_SCHEMA": name}, folder)


def one_database_place(server: Server, folder: Path, name: str) -> Bench:
    """Return an empty database, made by an administrator with the server's defaults, and a login for it alone."""
    with open_cursor(server.admin) as cursor:
        name = _free_name(server, cursor, name)
        account = f"owner_of_{name.lower()}"
        cursor.execute(f"create database `{name}`")
        cursor.execute("drop user if exists %s@'%%'", (account,))
        cursor.execute("create user %s@'%%' identified by 'Owner-pass-1'", (account,))
        (grant,) = one_database_grants(name, f"'{account}'@'%'", wildcards=True)
        cursor.execute(grant)
    url = f"mysql+pymysql://{account}:Owner-pass-1@{server.admin.server}:{server.admin.port}/{name}"
    return Bench(server, {**server.environment, "AFTERSTATE_MYSQL_URL": url, "AFTERSTATE_SCHEMA": name}, folder)


def _free_name(server: Server, cursor: Any, name: str) -> str:
    """Drop a database and return its name; another one where the server cannot remove its folder.

    MariaDB 10.11.19 once left a file in a folder after it had dropped the tables, and could then neither drop nor make
    the database again: the fault of one test would be that of all tests after it. The warning names what was left.
    """
    try:
        cursor.execute(f"drop database if exists `{name}`")
    except pymysql.MySQLError as error:
        if error.args[0] != ER.DB_DROP_RMDIR:
            raise
        left = sorted(path.name for path in (server.private.places.data / name).iterdir())
        warnings.warn(f"{server.engine} could not drop {name}: {error}; left in its folder: {left}", stacklevel=3)
        return f"{name}_{next(server.numbers)}"
    return name
