"""The files of one command land side by side, and end as if each had waited for the one before."""

from __future__ import annotations

import gzip
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.bench import Bench
from tests.loaders.faults import TIMEOUT_SECONDS, is_waiting, results, start, until, visible, when
from tests.loaders.helpers import TRACE_KIND, another_warehouse, trace
from tests.loaders.test_cut_off import held_lock
from tests.loaders.test_nand_landing import PROPOSAL, PROPOSALS_FILE, TIMELINE_FILE, segments, spelled
from tests.server.helpers import global_setting

ROWS = 60_000  # enough for the files behind it to be through first, if they did not wait


def restating(value: float, rows: int) -> str:
    """Return a trace that states the same keys as every other, with a value of its own."""
    return trace((step, value) for step in range(rows))


def write_files(folder: Path) -> list[Path]:
    """Write what depends on its order: the earlier, the longer it takes.

    Restatements, a copy, one cut short, two folders that give their session the same name, runs stated twice.
    """
    files = {
        "a/1.csv": restating(1, ROWS).encode(),
        "a/2.csv": restating(2, 10).encode(),
        "a/3.csv": restating(3, 5).encode(),
        "b/1.csv": restating(1, ROWS).encode(),
        "b/2.csv.gz": gzip.compress(restating(4, ROWS).encode())[:-9],
        "b/3.csv": restating(5, 3).encode(),
        "b/4.txt": b"no kind of ours",
        f"c/chip/{TIMELINE_FILE}": segments(*[{"die": 1}] * ROWS).encode(),
        f"d/chip/{PROPOSALS_FILE}": spelled(PROPOSAL, {}).encode(),
        f"e/other/{TIMELINE_FILE}": segments(*[{"die": 3}] * ROWS).encode(),
        "e/other/again_261122_0000001.csv": segments({"die": 4}).encode(),
    }
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return sorted(folder / name for name in files)


def outcome(bench: Bench, files: list[Path]) -> list[dict[str, Any]]:
    """Land files; give what is said of each, with ids counted from 0."""
    said = bench.land(*files)
    ids = sorted({result["load_id"] for result in said if result["load_id"]})
    return [{**result, "load_id": ids.index(result["load_id"]) if result["load_id"] else None} for result in said]


def test_the_order_of_files(emptied: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a small file from overtaking a large one that it restates, and from being overridden by it."""
    files = write_files(tmp_path / "files")
    alone = another_warehouse(emptied.server, tmp_path)
    monkeypatch.setattr("loaders.side_by_side._cores", lambda: 1)
    expected = outcome(alone, files)
    monkeypatch.setattr("loaders.side_by_side._cores", lambda: 4)
    assert outcome(emptied, files) == expected
    assert visible(emptied) == visible(alone)
    b, others = ["unchanged", "failed", "landed", "ignored"], ["landed", "failed", "landed", "landed"]
    assert [result["status"] for result in expected] == ["landed"] * 3 + b + others
    folders = "select session_id, folder from {landing}.landing_sessions order by session_id"
    assert emptied.query(folders) == alone.query(folders)


def test_a_kill_leaves_the_order(emptied: Bench, tmp_path: Path) -> None:
    """Prevents a file that was cut off, and is landed again, from overriding those that followed it."""
    files = write_files(tmp_path)[:3]
    loader = start(emptied, *files)
    when(f"select 1 from {{landing}}.{TRACE_KIND} having count(*) > {ROWS // 4}")(emptied, loader)
    loader.kill()
    loader.communicate(timeout=TIMEOUT_SECONDS)
    assert visible(emptied) == {}
    results(start(emptied, *files))
    latest = f"select SoMS_cumsum_window from {{landing}}.{TRACE_KIND} where step = 0 order by _load_id"
    assert [value for (value,) in emptied.query(latest)] == [1, 2, 3]


def test_files_that_wait_are_not_forgotten(emptied: Bench, tmp_path: Path) -> None:
    """Prevents the server from closing the connection of a file that waits for the one before."""
    files = write_files(tmp_path)[:3]
    with held_lock(emptied, files[0]), global_setting(emptied, "wait_timeout", 1):
        loader = start(emptied, *files)
        until(lambda: is_waiting(emptied), loader)
        time.sleep(2.5)
        assert is_waiting(emptied)
    assert [result["status"] for result in results(loader)] == ["landed"] * 3


@pytest.mark.parametrize("cores", [1, 2])
def test_an_interruption_ends_all(emptied: Bench, tmp_path: Path, cores: int) -> None:
    """Prevents Ctrl-C from going unheard while a file waits for the server, or for one before."""
    files = write_files(tmp_path)[:3]

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background is deaf to it otherwise
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))

    with held_lock(emptied, files[0]):
        loader = start(emptied, *files, preexec_fn=prepare)
        until(lambda: is_waiting(emptied), loader)
        loader.send_signal(signal.SIGINT)
        output, errors = loader.communicate(timeout=10)
    assert (output, errors.split(), loader.returncode) == ("", ["Aborted!"], 1)
    assert visible(emptied) == {}
    assert [result["status"] for result in results(start(emptied, *files))] == ["landed"] * 3
