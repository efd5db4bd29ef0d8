"""Landing whose connection ends, or whose statement is ended: by the network, by an administrator, by a lock.

Whatever happens, a file is visible entirely or not at all, the loader says what to do, and doing it finishes the job.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from afterstate.warehouse.connect import connect
from tests.bench import Bench
from tests.loaders.faults import (
    AGAIN,
    LONG,
    LOST,
    NO_CONNECTION,
    ROWS,
    Undisturbed,
    empty,
    failure,
    is_waiting,
    results,
    start,
    until,
    visible,
)
from tests.loaders.helpers import TRACE_KIND, trace
from tests.loaders.proxy import AFTER_COMMIT, BEFORE_COMMIT, Proxy, Stop, through
from tests.server.helpers import global_setting

CUTS = 60 if LONG else 1
ANSWER_BYTES = 11  # of an OK packet


def require_finished(bench: Bench, chip: Path, undisturbed: Undisturbed) -> None:
    """Require that what is there is whole, and that the same command, with nothing in its way, does the rest."""
    loads = visible(bench)
    assert {key: undisturbed.loads.get(key) for key in loads} == loads
    assert {result["status"] for result in bench.land(chip)} <= {"landed", "unchanged"}
    assert visible(bench) == undisturbed.loads


def test_a_connection_that_is_cut_anywhere(
    emptied: Bench, chip: Path, undisturbed: Undisturbed, tmp_path: Path, dice: random.Random
) -> None:
    """Prevents a lost connection, while logging in or while streaming, from costing a row or showing half a file."""
    for _ in range(CUTS):
        empty(emptied)
        stop = Stop(at=dice.randrange(undisturbed.sent), resets=dice.random() < 0.5)
        with Proxy(emptied.warehouse.landing.port, stop) as cut:
            encrypted = through(cut, emptied, tmp_path / "proxy", is_encrypted=dice.random() < 0.5)
            said = failure(start(encrypted, chip))
        assert LOST in said or NO_CONNECTION in said, (stop, said)
        assert AGAIN in said or "`afterstate up`" in said, (stop, said)
        require_finished(emptied, chip, undisturbed)


@pytest.mark.parametrize("at", [BEFORE_COMMIT, AFTER_COMMIT])
@pytest.mark.parametrize("resets", [False, True] if LONG else [True], ids=lambda resets: "reset" if resets else "end")
def test_a_connection_that_is_cut_at_the_commit(
    emptied: Bench,
    chip: Path,
    undisturbed: Undisturbed,
    tmp_path: Path,
    at: str,
    resets: bool,
    dice: random.Random,
) -> None:
    """Prevents a landing that may have been committed from being landed twice, or from being said to be undone."""
    with Proxy(
        emptied.warehouse.landing.port, Stop(at=at, resets=resets, answered=dice.randrange(ANSWER_BYTES))
    ) as proxy:
        said = failure(start(through(proxy, emptied, tmp_path / "proxy"), chip), LOST, AGAIN)
        assert proxy.reached.is_set()
    assert "nothing of it was landed" not in said
    # the relay has let the other file through; the server learns of the end of the first one's connection by itself
    count = len(ROWS) if at == AFTER_COMMIT else len(ROWS) - 1
    until(lambda: len(visible(emptied)) == count)
    require_finished(emptied, chip, undisturbed)


@contextmanager
def held_lock(bench: Bench, file: Path) -> Iterator[Any]:
    """Be another loader that is busy with the same file."""
    values = {
        "kind": TRACE_KIND,
        "content_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        **{"file_path": "x", "file_bytes": 1, "header": "[]", "started_at": "2026-01-01", "status": "landed"},
    }
    with closing(connect(bench.warehouse.landing)) as other:
        place = bench.warehouse.table("landing", "landing_loads")
        marks = ", ".join(["%s"] * len(values))
        other.cursor().execute(f"insert into {place} ({', '.join(values)}) values ({marks})", tuple(values.values()))
        yield other


def kill_loaders(bench: Bench, how: str) -> None:
    """End what the warehouse's loaders are at, or their connections, as an administrator does."""
    with closing(connect(bench.server.admin)) as opened, opened.cursor() as cursor:
        cursor.execute(
            "select id from information_schema.processlist where user = %s and info is not null",
            (bench.warehouse.landing.username,),
        )
        ids = [number for (number,) in cursor.fetchall()]
        assert ids
        for number in ids:
            cursor.execute(f"{how} {number}")


@pytest.mark.parametrize("how", ["kill query", "kill"])
def test_an_administrator_ends_a_stream(
    emptied: Bench, chip: Path, undisturbed: Undisturbed, tmp_path: Path, how: str
) -> None:
    """Prevents KILL from leaving half of a file, and its loader from not knowing what to say."""
    middle = max(file.stat().st_size for file in chip.iterdir()) // 2
    with Proxy(emptied.warehouse.landing.port, Stop(at=middle, cuts=False)) as proxy:
        loader = start(through(proxy, emptied, tmp_path / "proxy"), chip)
        assert proxy.reached.wait(60)
        kill_loaders(emptied, how)
        proxy.release()
        failure(loader, AGAIN)
    require_finished(emptied, chip, undisturbed)


@pytest.mark.parametrize("how", ["kill query", "kill"] if LONG else ["kill"])
def test_an_administrator_ends_a_wait(emptied: Bench, how: str) -> None:
    """Prevents a loader whose wait for another one is ended from taking the file for landed."""
    file = emptied.write("x.csv", trace([(1,), (2,)]))
    with held_lock(emptied, file):
        loader = start(emptied, file)
        until(lambda: is_waiting(emptied), loader)
        kill_loaders(emptied, how)
        failure(loader, AGAIN)
    assert visible(emptied) == {}
    assert [result["status"] for result in results(start(emptied, file))] == ["landed"]


@pytest.mark.parametrize("other_lands", [True, False])
def test_a_loader_waits_for_a_slow_one(emptied: Bench, other_lands: bool) -> None:
    """Prevents a loader from giving up because another one is still busy with the same file, which may yet fail."""
    file = emptied.write("x.csv", trace([(1,)]))
    with global_setting(emptied, "innodb_lock_wait_timeout", 1):
        with held_lock(emptied, file) as other:
            loader = start(emptied, file)
            until(lambda: is_waiting(emptied), loader)
            time.sleep(1.5)  # longer than the server would let it by itself
            assert loader.poll() is None
            if other_lands:
                other.commit()
        [result] = results(loader)
    assert result["status"] == ("unchanged" if other_lands else "landed")


def test_a_loader_does_not_wait_for_ever(emptied: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a loader from hanging behind one that hangs, and from blaming the file for it."""
    file = emptied.write("x.csv", trace([(1,)]))
    monkeypatch.setattr("loaders.store.LOCK_SECONDS", 1)
    with held_lock(emptied, file):
        failed = emptied.run("land", file)
        assert failed.exit_code == 1
        for text in ("Lock wait timeout exceeded", "nothing of it was landed", AGAIN):
            assert text in failed.stderr
    assert visible(emptied) == {}
    assert [result["status"] for result in emptied.land(file)] == ["landed"]


def deadlocks(bench: Bench) -> int:
    """Return how many the server has seen."""
    with closing(connect(bench.server.admin)) as opened, opened.cursor() as cursor:
        cursor.execute("select count from information_schema.innodb_metrics where name = 'lock_deadlocks'")
        return int(cursor.fetchone()[0])


def test_a_deadlock(emptied: Bench) -> None:
    """Prevents a loader that the server ends for others' sake from giving up, or from landing a part.

    It waits for the load that it replaces; who holds that one asks for the loader's own, and has more to lose. Its next
    file, which restates the same key and has opened by then, must still be the later one.
    """
    files = [emptied.write(f"{number}.csv", trace([(1, float(number))])) for number in range(3)]
    [first] = emptied.land(files[0])
    loads = emptied.warehouse.table("landing", "landing_loads")
    before = deadlocks(emptied)
    with closing(connect(emptied.server.admin)) as other, other.cursor() as cursor:
        numbers = "with recursive n as (select 1 as i union all select i + 1 from n where i < 900) select 0, i, 1"
        rejects = emptied.warehouse.table("landing", "landing_rejects")
        columns = "(load_id, row_no, line_no, kind, file_path, reason, row_text)"
        cursor.execute(f"insert into {rejects} {columns} {numbers}, '', '', '', '' from n")
        cursor.execute(f"select 1 from {loads} where load_id = %s for update", (first["load_id"],))
        loader = start(emptied, *files[1:])
        until(lambda: is_waiting(emptied), loader)
        cursor.execute(f"select 1 from {loads} where load_id = %s for update", (first["load_id"] + 1,))
        assert loader.poll() is None
        other.rollback()
    landed = results(loader)
    assert deadlocks(emptied) == before + 1
    assert [(load["status"], load["load_id"] - first["load_id"]) for load in landed] == [("landed", 1), ("landed", 2)]
    statuses = emptied.query("select status from {landing}.landing_loads order by load_id")
    assert statuses == [("superseded",), ("superseded",), ("landed",)]
    visible(emptied)
