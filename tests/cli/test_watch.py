"""`afterstate watch` beside producers that write slowly, kills, and servers that go away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench, Server
from tests.cli.watching import TIMEOUT, watching
from tests.loaders.helpers import TRACE_KIND, another_warehouse, trace
from tests.server.helpers import kill, up

SETTLE = 1.0
ROWS = 100_000  # they land for long enough to be met at it
QUICK = ("--settle", str(SETTLE), "--no-build")


def steps(first: int, last: int, run: str = "watched") -> str:
    return trace([(step,) for step in range(first, last)], run=run)


@pytest.fixture(scope="module")
def shared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return another_warehouse(server, tmp_path_factory.mktemp("watch"))


def test_only_whole_files_land(shared: Bench, tmp_path: Path) -> None:
    """Prevents half a file in the warehouse: of a producer that pauses, that renames, or that copies bit by bit."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "there.csv").write_text(steps(0, 3, "there"))
    with watching(shared, folder, *QUICK) as watch:
        assert watch.landed() == ("there.csv", "landed", 3)
        whole = steps(0, 100, "paused")
        with (folder / "paused.csv").open("w") as producer:  # it writes whole rows, then pauses for long
            producer.write(whole[: whole.index("\n", len(whole) // 2) + 1])
            producer.flush()
            (folder / "renamed.csv.part").write_text(steps(0, 7, "renamed"))
            (folder / ".hidden.csv").write_text(steps(0, 1, "hidden"))
            (folder / "empty.csv").write_text("")
            assert watch.says_nothing_for(4 * SETTLE)
            producer.write(whole[whole.index("\n", len(whole) // 2) + 1 :])
        assert watch.landed() == ("paused.csv", "landed", 100)
        (folder / "renamed.csv.part").rename(folder / "renamed.csv")
        assert watch.landed() == ("renamed.csv", "landed", 7)
        grown = steps(0, 9, "grown").splitlines(keepends=True)
        for line in grown:  # opened and closed for each row, as a share shows it
            with (folder / "grown.csv").open("a") as producer:
                producer.write(line)
            time.sleep(SETTLE / 4)
        assert watch.landed() == ("grown.csv", "landed", len(grown) - 1)
        (folder / "grown.csv").write_text("".join(grown[:-1]).replace("grown", "again"))  # written anew
        assert watch.landed() == ("grown.csv", "landed", len(grown) - 2)
        assert watch.says_nothing_for(2 * SETTLE)
        assert watch.end(signal.SIGTERM) == 0
        watch.next("stopped")
        assert watch.errors == ""
    loads = "select count(*), count(distinct file_path), sum(rows_landed) from {landing}.landing_loads"
    assert shared.query(loads) == [(5, 4, 3 + 100 + 7 + 9 + 8)]


def test_what_fails_is_said_once_and_does_not_hold_up_the_rest(shared: Bench, tmp_path: Path) -> None:
    """Prevents a line for the same error every second, and a file that is fixed and never looked at again."""
    folder = tmp_path / "in"
    folder.mkdir()
    bad, stranger = folder / "bad.csv", folder / "notes.txt"
    bad.write_text("run_id,case_id\n")
    stranger.write_text("hello\n")
    with watching(shared, folder, *QUICK, "--kind", TRACE_KIND) as watch:
        assert {watch.landed()[:2], watch.landed()[:2]} == {("bad.csv", "failed"), ("notes.txt", "failed")}
        (folder / "good.csv").write_text(steps(0, 2, "good"))
        assert watch.landed() == ("good.csv", "landed", 2)
        assert watch.says_nothing_for(7.0)  # the first look again is after five seconds
        bad.write_text(steps(0, 4, "fixed"))
        assert watch.landed() == ("bad.csv", "landed", 4)
        assert watch.end(signal.SIGINT) == 0
    assert "line 1: no column `antibody_id`" in watch.errors
    assert watch.errors.count("bad.csv") == 1


def test_killed_and_without_a_server(own_server: Bench, tmp_path: Path) -> None:
    """Prevents a file lost, landed twice or in part, by a watch that is killed or whose server goes away.

    And one that waits, after a large file, for ten times as long as that took to land.
    """
    folder = tmp_path / "in"
    folder.mkdir()
    large = folder / "large.csv"
    large.write_text(steps(0, ROWS, "large"))
    with watching(own_server, folder, *QUICK) as watch:
        wait_for_rows(own_server)
        assert watch.end(signal.SIGKILL) == -signal.SIGKILL  # in the middle of it
    with watching(own_server, folder, *QUICK) as watch:
        began = time.monotonic()
        assert watch.landed()[0] == "large.csv"
        landed = time.monotonic()
        kill(own_server)
        (folder / "meanwhile.csv").write_text(steps(0, 5, "meanwhile"))
        assert "no connection" in watch.next("away")["what"]
        assert time.monotonic() - landed < max(10.0, 5 * (landed - began))
        assert watch.says_nothing_for(3.5)  # it tries again after one second, and after two more
        up(own_server)
        assert watch.next("back")["seconds"] > 0
        assert watch.landed() == ("meanwhile.csv", "landed", 5)
        away = folder.rename(tmp_path / "unmounted")
        assert str(folder) in watch.next("away")["what"]
        away.rename(folder)
        watch.next("back")
        assert watch.end(signal.SIGTERM) == 0
    with watching(own_server, folder, *QUICK) as watch:
        assert {watch.landed()[1], watch.landed()[1]} == {"unchanged"}
    loads = "select file_path, rows_landed from {landing}.landing_loads order by rows_landed"
    assert own_server.query(loads) == [(str(folder / "meanwhile.csv"), 5), (str(large), ROWS)]
    counted = own_server.query("select count(*), count(distinct run_id, step) from {landing}.core8_state_trace")
    assert counted == [(ROWS + 5, ROWS + 5)]


def wait_for_rows(bench: Bench) -> None:
    """Wait until the server takes rows in (MariaDB counts none of those that it loads into an empty table)."""
    deadline = time.monotonic() + TIMEOUT
    statement = "select count(*) from information_schema.processlist where info like 'load data%'"
    while time.monotonic() < deadline:
        with open_cursor(bench.server.admin) as cursor:
            cursor.execute(statement)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nothing is landing")


LOSING = """
import os, signal, sys
from afterstate.cli.main import main
from afterstate.watch.arrivals import Arrivals

class Loses:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        while True:  # the exception ends this, and Python ignores it
            pass

look = Arrivals.look
def look_and_lose(self):
    Loses()
    return look(self)
Arrivals.look = look_and_lose
sys.exit(main())
"""


def test_an_interrupt_in_a_destructor_ends_it(shared: Bench, tmp_path: Path) -> None:
    """Prevents a watch that Ctrl-C does not end: Python ignores what a signal raises in a destructor."""
    done = subprocess.run(
        [sys.executable, "-c", LOSING, "watch", tmp_path, "--no-build", "--json"],
        env=shared.process_environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert "Exception ignored in" in done.stderr
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "stopped"
