"""Connections that go silent after login: a loader gives up, says so, and the same command finishes the job."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

import afterstate.warehouse.liveness
from afterstate.warehouse.connect import connect
from tests.bench import Bench
from tests.loaders.faults import AGAIN, LOST, Undisturbed, visible
from tests.loaders.helpers import trace
from tests.loaders.proxy import AFTER_COMMIT, BEFORE_COMMIT, Proxy, Stop, through
from tests.loaders.test_cut_off import held_lock, require_finished
from tests.server.helpers import as_admin, global_setting


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afterstate.warehouse.liveness, "SILENCE_SECONDS", 0.5)


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "TLS"])
def test_a_stream_that_nobody_takes(
    emptied: Bench, chip: Path, undisturbed: Undisturbed, tmp_path: Path, is_encrypted: bool
) -> None:
    """Prevents a loader from waiting forever for a tunnel whose far end went away while rows were sent.

    The server, which waits for rows as well, has to give up first: it does so after net_read_timeout.
    """
    middle = max(file.stat().st_size for file in chip.iterdir()) // 2
    with global_setting(emptied, "net_read_timeout", 2):
        with Proxy(emptied.warehouse.landing.port, Stop(at=middle, cuts=False)) as proxy:
            done = through(proxy, emptied, tmp_path / "proxy", is_encrypted=is_encrypted).run("land", chip)
            assert proxy.reached.is_set()
        assert (done.exit_code, LOST in done.stderr, AGAIN in done.stderr) == (1, True, True), done.output
    require_finished(emptied, chip, undisturbed)


@pytest.mark.parametrize("at", [BEFORE_COMMIT, AFTER_COMMIT])
def test_a_commit_that_nobody_answers(
    emptied: Bench, chip: Path, undisturbed: Undisturbed, tmp_path: Path, at: str
) -> None:
    """Prevents a lost COMMIT, or a lost answer to it, from holding the loader, and its locks the next one."""
    with Proxy(emptied.warehouse.landing.port, Stop(at=at, cuts=False)) as proxy:
        done = through(proxy, emptied, tmp_path / "proxy").run("land", chip)
        assert (done.exit_code, LOST in done.stderr, AGAIN in done.stderr) == (1, True, True), done.output
        assert proxy.reached.is_set()
        require_finished(emptied, chip, undisturbed)  # while the relay still holds what it has


def test_a_server_at_work_is_waited_for(emptied: Bench) -> None:
    """Prevents a long statement, such as an index over millions of rows, from being taken for silence."""
    with closing(connect(emptied.warehouse.landing)) as opened, opened.cursor() as cursor:
        cursor.execute("select sleep(2.5)")
        assert cursor.fetchone() == (0,)


def test_another_loader_is_waited_for(emptied: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a loader that waits for another's lock from giving up before the lock's own time."""
    file = emptied.write("x.csv", trace([(1,)]))
    monkeypatch.setattr("loaders.store.LOCK_SECONDS", 4)
    began = time.monotonic()
    with held_lock(emptied, file):
        failed = emptied.run("land", file)
    assert "Lock wait timeout exceeded" in failed.stderr
    assert time.monotonic() - began >= 4
    assert visible(emptied) == {}


def test_a_connection_that_was_ended(emptied: Bench) -> None:
    """Prevents a connection that the server has ended from being waited for, whatever the other one says."""
    with closing(connect(emptied.warehouse.landing)) as opened:
        as_admin(emptied, f"kill {opened.thread_id()}")
        with pytest.raises(Exception, match=r"Lost connection|gone away"), opened.cursor() as cursor:
            cursor.execute("select 1")


@pytest.mark.parametrize(("command", "is_at_work"), [("select sleep(3)", True), ("select 1", False)])
def test_what_the_server_is_asked(emptied: Bench, command: str, is_at_work: bool) -> None:
    """Prevents a connection that waits for its next statement from being called busy, and the other way."""
    account = emptied.warehouse.landing
    with closing(connect(account)) as opened:
        view = afterstate.warehouse.liveness._ServerView(opened.thread_id(), lambda: connect(account))
        opened._execute_command(3, command)
        time.sleep(0.5)
        assert view.is_at_work() is is_at_work
        pooled = afterstate.warehouse.liveness._ServerView(opened.thread_id(), lambda: _Renumbered(connect(account)))
        assert pooled.is_at_work()  # for all that is known


class _Renumbered:
    """A connection through a pooler, which numbers its own connections."""

    def __init__(self, opened: object) -> None:
        self._opened = opened

    def __getattr__(self, name: str) -> object:
        return getattr(self._opened, name)

    def thread_id(self) -> int:
        return 2**31 - 2
