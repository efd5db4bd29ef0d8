"""Real servers for the tests: each engine's private server in a temporary home, started by the product's own code.

`--server mariadb|mysql|both` chooses (default both). A test that takes `server` or `warehouse` runs once on each, or on
those that its mark `engines` names. A server that cannot be had is a skip on a user's machine, with the reason, and an
error in CI; so is anything else that a machine may lack.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner, dbtRunnerResult

import dbt_afterstate
from afterstate.cli.main import main
from afterstate.errors import ServerError
from afterstate.server.private import PrivateServer
from afterstate.warehouse.admin_sql import one_database_grants
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.dbt import dbt_command
from afterstate.warehouse.layout import LAYERS, Schemas
from afterstate.warehouse.profile import Credentials, Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings
from tests.scheduler import ByFileAndServer
from tests.seed import VARIABLE, dice_of, session_seed
from tools import server_programs

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("mariadb", "mysql")
IN_CI = bool(os.environ.get("CI"))
# How a test's warehouse stands on its server: as an administrator has it, or as an account with one database has it.
LAYOUTS = ("four_schemas", "one_database")
LAYER_TABLE = re.compile(rf"`?\{{({'|'.join(LAYERS)})\}}`?\.`?(\w+)`?")


# What makes `dbt build` leave its tests out; selecting models alone would bring their tests along.
WITHOUT_TESTS = ("--resource-type", "model", "--resource-type", "seed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", choices=(*ENGINES, "both"), default="both", help="which servers to test on")
    parser.addoption("--layout", choices=LAYOUTS, help="the layout for all tests, instead of those that they name")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Pass the session's seed to hypothesis before its plugin looks for one; `--hypothesis-seed` comes first."""
    config.addinivalue_line("markers", "layouts(*names): run in four schemas, in one database, or once in each")
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(session_seed())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndServer:
    return ByFileAndServer(config, log)


def pytest_report_header() -> str:
    return f"{VARIABLE}={session_seed()} repeats what is left to chance"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--server")
        engines = ENGINES if chosen == "both" else (chosen,)
        metafunc.parametrize("server", engines, indirect=True, scope="session")
    mark = metafunc.definition.get_closest_marker("layouts")
    if "layout" in metafunc.fixturenames and (mark or metafunc.config.getoption("--layout")):
        chosen = metafunc.config.getoption("--layout")
        metafunc.parametrize("layout", (chosen,) if chosen else mark.args, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave a test out where its mark `engines` does not name the server."""
    left_out = [item for item in items if not _has_its_engine(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _has_its_engine(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("engines")
    return mark is None or item.callspec.params["server"] in mark.args


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print a table of what ran on which server."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            file, _, parameters = report.nodeid.partition("::")[0], *report.nodeid.partition("[")[1:]
            place = next((place for place in (*ENGINES, "both") if place in parameters), "no server")
            counts[file, place, outcome] += 1
    places = (*ENGINES, "both", "no server")
    terminalreporter.write_sep("-", "what ran where")
    terminalreporter.write_line(f"{'':<44}" + "".join(f"{place:>24}" for place in places))
    for file in sorted({file for file, _, _ in counts}):
        cells = [
            ", ".join(f"{count} {outcome}" for (f, p, outcome), count in counts.items() if (f, p) == (file, place))
            for place in places
        ]
        terminalreporter.write_line(f"{file:<44}" + "".join(f"{cell or '-':>24}" for cell in cells))
    terminalreporter.write_line(pytest_report_header())  # again, since `-q` prints no header


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """Keep the tests away from the warehouse of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AFTERSTATE_") and "TEST" not in name]:
            patch.delenv(name)
        yield


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Return a generator that draws the same for the same test and the same AFTERSTATE_TEST_SEED."""
    return dice_of(f"{request.path.name}::{request.node.name}")


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


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a private server of the engine asked for; stop it and remove it at the end."""
    engine = request.param
    running = Server(engine, tmp_path_factory.mktemp(f"{engine}-home"), server_program(engine))
    running.private.start(print)
    # Tests end processes, not the machine: what the system has need not be on the disk. MySQL's DDL is twice as fast.
    with open_cursor(running.admin) as cursor:
        cursor.execute("set global innodb_flush_log_at_trx_commit = 2")
    yield running
    running.private.stop()
    shutil.rmtree(running.home, ignore_errors=True)


@pytest.fixture(scope="session")
def nand_example() -> Path:
    """Return the folder with two runs of a real simulator, as it wrote them."""
    return ROOT / "tests" / "data" / "nandseqgen_example"


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
        found = self.warehouse
        named = LAYER_TABLE.sub(lambda match: found.table(match[1], match[2]), statement)
        with open_cursor(getattr(found, role)) as cursor:
            cursor.execute(named.format(**{layer: found.schemas.schema(layer) for layer in LAYERS}), values or None)
            return list(cursor.fetchall())

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


def empty_place(server: Server, folder: Path) -> Bench:
    """Return a place for a warehouse on a running server, where none is up any more.

    It has the same name for every test, so that dbt, which notes schemas with what it has parsed, parses the project
    once a server, and the profile stays as short as a user's.
    """
    name = "test_warehouse"
    with open_cursor(server.admin) as cursor:
        for schema in Schemas(name).all():
            cursor.execute(f"drop database if exists `{schema}`")
    return Bench(server, {**server.environment, "AFTERSTATE_SCHEMA": name}, folder)


def one_database_place(server: Server, folder: Path, name: str) -> Bench:
    """Return an empty database, made by an administrator with the server's defaults, and a login for it alone."""
    account = f"owner_of_{name.lower()}"
    with open_cursor(server.admin) as cursor:
        cursor.execute(f"drop database if exists `{name}`")
        cursor.execute(f"create database `{name}`")
        cursor.execute("drop user if exists %s@'%%'", (account,))
        cursor.execute("create user %s@'%%' identified by 'Owner-pass-1'", (account,))
        (grant,) = one_database_grants(name, f"'{account}'@'%'", wildcards=True)
        cursor.execute(grant)
    url = f"mysql+pymysql://{account}:Owner-pass-1@{server.admin.server}:{server.admin.port}/{name}"
    return Bench(server, {**server.environment, "AFTERSTATE_MYSQL_URL": url, "AFTERSTATE_SCHEMA": name}, folder)


@pytest.fixture(scope="session")
def layout(request: pytest.FixtureRequest) -> str:
    """Return the layout that the test's mark `layouts` names; four schemas without one."""
    return str(getattr(request, "param", LAYOUTS[0]))


@pytest.fixture
def warehouse(server: Server, layout: str, tmp_path: Path) -> Bench:
    """Return an empty warehouse on a running server."""
    is_one = layout == "one_database"
    bench = one_database_place(server, tmp_path, "Test_Database") if is_one else empty_place(server, tmp_path)
    up = bench.run("up")
    assert up.exit_code == 0, up.output
    assert bench.warehouse.schemas.is_one_database == is_one
    return bench


@pytest.fixture
def own_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a warehouse on a server of its own, which may be killed."""
    home = tmp_path_factory.mktemp("own")
    environment = {"AFTERSTATE_HOME": str(home), "AFTERSTATE_SERVER_PROGRAM": str(server.program)}
    bench = Bench(Server(server.engine, home, server.program), environment, tmp_path_factory.mktemp("files"))
    assert bench.run("up").exit_code == 0
    yield bench
    bench.run("down")
