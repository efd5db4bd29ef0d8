"""Landing that is cut off: by the death of the loader, by the death of the server, by another loader at the same time.

Whatever happens, a file is visible wholly or not at all, and the same command again ends as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loaders.connect import connect, cursor
from tests.conftest import ROOT, Bench, Server, server_program
from tests.loaders.helpers import TRACE_KIND, another_warehouse, fingerprint, trace, watch_rows

ROWS, EVERY_REJECT = 180_000, 20
PATIENCE_SECONDS = 60
Fingerprint = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a trace of many rows, of which some do not fit; the last one does."""
    file = tmp_path_factory.mktemp("big") / "trace.csv"
    steps = (f"{step}.5" if step % EVERY_REJECT == 0 else step for step in range(ROWS))
    file.write_text(trace((step, number / 7) for number, step in enumerate(steps)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def undisturbed(server: Server, big_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Fingerprint:
    """Give what the file looks like where it landed in peace."""
    bench = another_warehouse(server, tmp_path_factory.mktemp("peace"))
    [result] = bench.land(big_file)
    assert (result["rows_landed"], result["rows_rejected"]) == (ROWS - ROWS // EVERY_REJECT, ROWS // EVERY_REJECT)
    return fingerprint(bench)


def start(bench: Bench, *files: Path) -> subprocess.Popen[str]:
    """Run `afterstate land` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "loaders", "land", *map(str, files), "--json"],
        env={**os.environ, **bench.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at_row(bench: Bench, loader: subprocess.Popen[str], row: int) -> None:
    """Wait until the loader has written that row, or ended."""
    with watch_rows(bench) as last_row:
        until(lambda: last_row() >= row or loader.poll() is not None)


def rolled_back(bench: Bench) -> None:
    """Wait until the server has taken back what a dead loader had written."""
    with watch_rows(bench) as last_row:
        until(lambda: last_row() == 0)


def is_landed(bench: Bench) -> bool:
    """Tell whether the file is visible; fails when a part of it is."""
    [(loads,)] = bench.query("select count(*) from {landing}.landing_loads")
    [(rows,)] = bench.query(f"select count(*) from {{landing}}.{TRACE_KIND}")
    [(rejects,)] = bench.query("select count(*) from {landing}.landing_rejects")
    whole = (1, ROWS - ROWS // EVERY_REJECT, ROWS // EVERY_REJECT)
    assert (loads, rows, rejects) in ((0, 0, 0), whole)
    return bool(loads)


def test_a_loader_that_is_killed(warehouse: Bench, big_file: Path, undisturbed: Fingerprint) -> None:
    """Prevents half of a file from being visible, or its second landing from doubling rows, after kill -9 or Ctrl-C.

    The moments are rows that the server has: at the first, somewhere in the middle, while the rejects follow.
    """
    for row, how in ((1, signal.SIGKILL), (71_993, signal.SIGINT), (148_027, signal.SIGKILL), (ROWS, signal.SIGKILL)):
        loader = start(warehouse, big_file)
        at_row(warehouse, loader, row)
        loader.send_signal(how)
        output, errors = loader.communicate(timeout=PATIENCE_SECONDS)
        if is_landed(warehouse):  # only the last one may have been too late
            assert row == ROWS
            break
        assert output == ""
        assert errors.split() == (["Aborted!"] if how == signal.SIGINT else [])
        assert loader.returncode == (1 if how == signal.SIGINT else -how)
        rolled_back(warehouse)
    [result] = warehouse.land(big_file)
    assert result["status"] in ("landed", "unchanged")
    assert fingerprint(warehouse) == undisturbed
    assert warehouse.land(big_file)[0]["status"] == "unchanged"


@pytest.fixture
def mortal(server: Server, tmp_path: Path) -> Iterator[Bench]:
    """Give a warehouse on a server of its own, which may die."""
    own = Server(server.engine, tmp_path / "home", server_program(server.engine))
    try:
        yield another_warehouse(own, tmp_path)
    finally:
        own.private.stop()


def test_a_server_that_is_killed(mortal: Bench, big_file: Path, undisturbed: Fingerprint) -> None:
    """Prevents a power cut from leaving half of a file; `up` and the same command again must be all that it takes."""
    loader = start(mortal, big_file)
    at_row(mortal, loader, 110_021)
    process = mortal.server.private.process()
    assert process
    process.kill()
    process.wait(PATIENCE_SECONDS)
    output, errors = loader.communicate(timeout=PATIENCE_SECONDS)
    [result] = json.loads(output)
    assert (result["status"], result["rows_landed"], loader.returncode) == ("failed", 0, 1)
    assert "the connection to the server was lost" in errors
    assert "`afterstate up`" in errors
    assert "Traceback" not in errors

    up = mortal.run("up")
    assert up.exit_code == 0, up.output
    assert not is_landed(mortal)
    assert mortal.land(big_file)[0]["status"] == "landed"
    assert fingerprint(mortal) == undisturbed


def results(loaders: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    found = []
    for loader in loaders:
        output, errors = loader.communicate(timeout=PATIENCE_SECONDS)
        assert loader.returncode == 0, errors
        found += json.loads(output)
    return found


def test_two_loaders_with_the_same_file(warehouse: Bench, big_file: Path, undisturbed: Fingerprint) -> None:
    """Prevents a cron job and its owner from landing a file twice at the same time."""
    found = results([start(warehouse, big_file) for _ in range(2)])
    assert sorted(result["status"] for result in found) == ["landed", "unchanged"]
    assert len({(result["load_id"], result["rows_landed"], result["rows_rejected"]) for result in found}) == 1
    assert fingerprint(warehouse) == undisturbed


def test_many_loaders_with_other_files_of_the_same_keys(warehouse: Bench) -> None:
    """Prevents loaders that restate each other's rows from ending in a deadlock."""
    rows = 5_000
    files = [
        warehouse.write(f"{loader}_{number}.csv", trace((step, f"{loader}.{number}") for step in range(rows)))
        for loader in range(3)
        for number in range(2)
    ]
    found = results([start(warehouse, *files[first : first + 2]) for first in (0, 2, 4)])
    assert [result["status"] for result in found] == ["landed"] * len(files)
    columns = "count(*), count(distinct _load_id), count(distinct _load_id, step)"
    count = len(files) * rows
    assert warehouse.query(f"select {columns} from {{landing}}.{TRACE_KIND}") == [(count, len(files), count)]


@pytest.fixture
def impatient(warehouse: Bench) -> Iterator[Bench]:
    """Give a warehouse whose server lets a statement wait for a lock for one second only."""
    with cursor(warehouse.server.admin) as ask:
        ask.execute("select @@global.innodb_lock_wait_timeout")
        [before] = ask.fetchone()
        ask.execute("set global innodb_lock_wait_timeout = 1")
        yield warehouse
        ask.execute("set global innodb_lock_wait_timeout = %s", (before,))


@pytest.mark.parametrize("other_lands", [True, False])
def test_a_loader_waits_for_a_slow_one(impatient: Bench, other_lands: bool) -> None:
    """Prevents a loader from giving up because another one is still busy with the same file, which may yet fail."""
    file = impatient.write("x.csv", trace([(1,)]))
    values = {
        "kind": TRACE_KIND,
        "content_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        **{"file_path": "x", "file_bytes": 1, "header": "[]", "started_at": "2026-01-01", "status": "landed"},
    }
    other = connect(impatient.warehouse.landing)
    place = f"`{impatient.warehouse.schemas.landing}`.landing_loads"
    other.cursor().execute(
        f"insert into {place} ({', '.join(values)}) values ({', '.join(['%s'] * len(values))})", tuple(values.values())
    )
    loader = start(impatient, file)
    time.sleep(2)  # a start, and one wait that ends in vain
    assert loader.poll() is None
    if other_lands:
        other.commit()
    else:
        other.rollback()
    other.close()
    [result] = results([loader])
    assert result["status"] == ("unchanged" if other_lands else "landed")
