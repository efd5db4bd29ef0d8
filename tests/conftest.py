"""Real servers for the tests: each engine's private server in a temporary home, started by the product's own code.

`--server mariadb|mysql|both` chooses (default both). A test that takes `server` or `warehouse` runs once on each, or on
those that its mark `engines` names. A server that cannot be had is a skip on a user's machine, with the reason, and an
error in CI; so is anything else that a machine may lack.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from afterstate.warehouse import doctor
from afterstate.warehouse.connect import open_cursor
from tests.bench import (
    ENGINES,
    LAYOUTS,
    ROOT,
    Bench,
    Server,
    empty_place,
    server_program,
)
from tests.lake.object_store import ObjectStore
from tests.scheduler import ByFileAndServer
from tests.seed import VARIABLE, dice_of, session_seed


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
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # each process would compile all modules again
        yield


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Return a generator that draws the same for the same test and the same AFTERSTATE_TEST_SEED."""
    return dice_of(f"{request.path.name}::{request.node.name}")


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder of this session, which its workers share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, session_folder: Path
) -> Iterator[Server]:
    """Start a private server of the engine asked for; stop it and remove it at the end."""
    engine = request.param
    running = Server(engine, tmp_path_factory.mktemp(f"{engine}-home"), server_program(engine))
    running.copy_data(session_folder)
    running.private.start(print)
    # Tests end processes, not the machine: what the system has need not be on the disk. MySQL's DDL is twice as fast.
    with open_cursor(running.admin) as cursor:
        cursor.execute("set global innodb_flush_log_at_trx_commit = 2")
    yield running
    running.private.stop()
    shutil.rmtree(running.home, ignore_errors=True)


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """Run an S3 server."""
    with closing(ObjectStore(tmp_path_factory.mktemp("buckets"))) as store:
        yield store


@pytest.fixture(scope="session")
def nand_example() -> Path:
    """Return the folder with two runs of a real simulator, as it wrote them."""
    return ROOT / "tests" / "data" / "nandseqgen_example"


@pytest.fixture(scope="session")
def layout(request: pytest.FixtureRequest) -> str:
    """Return the layout that the test's mark `layouts` names; one database, which needs fewer rights, without one."""
    return str(getattr(request, "param", LAYOUTS[0]))


@pytest.fixture
def warehouse(server: Server, layout: str, tmp_path: Path) -> Bench:
    """Return an empty warehouse on a running server."""
    bench = empty_place(server, tmp_path, layout)
    up = bench.run("up")
    assert up.exit_code == 0, up.output
    assert bench.warehouse.schemas.is_one_database == (layout == "one_database")
    return bench


@pytest.fixture
def without_dbt_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let doctor's check of dbt itself, which takes seconds, pass at once: the test builds, or is not about dbt."""
    monkeypatch.setattr(doctor, "run_dbt", lambda *_, **__: 0)


@pytest.fixture
def own_server(server: Server, tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Iterator[Bench]:
    """Return a warehouse on a server of its own, which may be killed."""
    home = tmp_path_factory.mktemp("own")
    environment = {"AFTERSTATE_HOME": str(home), "AFTERSTATE_SERVER_PROGRAM": str(server.program)}
    bench = Bench(Server(server.engine, home, server.program), environment, tmp_path_factory.mktemp("files"))
    bench.server.copy_data(session_folder)
    assert bench.run("up").exit_code == 0
    yield bench
    bench.run("down")
