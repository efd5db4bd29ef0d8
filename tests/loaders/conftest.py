"""What tests of landing share: warehouses, which take long to bring up, and files with what they are in peace."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import Bench, Server
from tests.loaders.faults import EVERY_REJECT, ROWS, Undisturbed, empty, results, start, visible, write_files
from tests.loaders.helpers import another_warehouse
from tests.loaders.proxy import Proxy, through


@pytest.fixture(scope="module")
def common_bench(server: Server, layout: str, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return another_warehouse(server, tmp_path_factory.mktemp("common"), layout)


@pytest.fixture
def common(common_bench: Bench, tmp_path: Path) -> Bench:
    """Return a warehouse that other tests land in, too: use a run of your own, and look at your own load only.

    The folder's name, a session's, is the test's own.
    """
    return replace(common_bench, folder=tmp_path)


@pytest.fixture(scope="session")
def chip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a trace and a timeline, of many rows, of which some do not fit."""
    folder = tmp_path_factory.mktemp("disturbed") / "chip"
    folder.mkdir()
    write_files(folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(server: Server, chip: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Land that folder in peace."""
    folder = tmp_path_factory.mktemp("peace")
    bench = another_warehouse(server, folder)
    with Proxy(bench.warehouse.landing.port) as proxy:
        started = time.monotonic()
        found = results(start(through(proxy, bench, folder / "proxy"), chip))
        seconds = time.monotonic() - started
    for result in found:
        read = ROWS[result["kind"]]
        rejected = read // EVERY_REJECT
        counts = (result["rows_read"], result["rows_landed"], result["rows_rejected"])
        assert counts == (read, read - rejected, rejected)
    assert len(found) == len(ROWS)
    return Undisturbed(visible(bench), seconds, proxy.sent)


@pytest.fixture(scope="session")
def common_disturbed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return another_warehouse(server, tmp_path_factory.mktemp("disturbed"))


@pytest.fixture
def emptied(common_disturbed: Bench, tmp_path: Path) -> Bench:
    """Return a warehouse with nothing in it, sooner than a fresh one."""
    empty(common_disturbed)
    return replace(common_disturbed, folder=tmp_path)
