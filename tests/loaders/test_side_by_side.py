"""Many loaders at once, on the same and on other files, beside dbt: the warehouse ends as one loader leaves it."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from loaders.core import CORE_KINDS
from tests.bench import Bench
from tests.loaders.faults import LONG, Undisturbed, is_waiting, results, start, until, visible
from tests.loaders.helpers import another_warehouse, trace
from tests.loaders.proxy import BEFORE_COMMIT, Proxy, Stop, through
from tests.warehouse.generated import THOUSANDS, write_generated

LOADERS = 8
WAVES = 6 if LONG else 1
RESTATEMENTS = 60 if LONG else 1
BUILD = (
    () if LONG else ("--select", "+shutdown_state_snapshot,resource_type:model", "+op_state_spans,resource_type:model")
)


def test_two_loaders_with_the_same_files(emptied: Bench, chip: Path, undisturbed: Undisturbed) -> None:
    """Prevents a cron job and its owner from landing a file twice at the same time."""
    loaders = [start(emptied, chip) for _ in range(2)]
    require_added_up(emptied, [results(loader) for loader in loaders])
    assert visible(emptied) == undisturbed.loads


def write_wave(folder: Path, seed: int) -> list[Path]:
    """Write files of all kinds: sessions of several runs, copies, rows that do not fit, files that nobody knows."""
    write_generated(folder, THOUSANDS, seed)
    for session in sorted(folder.glob("chip_*")):
        session.rename(session.with_name(f"{session.name}_of_{seed}"))  # a session is named by one folder only
    for file in sorted((folder / "core").iterdir()):
        (folder / "copies").mkdir(exist_ok=True)
        (folder / "copies" / file.name).write_bytes(file.read_bytes())
        (folder / "copies" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    (folder / "own").mkdir()
    for number in range(LOADERS):
        steps = [number, "abc", *range(100, 200), "", 1.5, 10_000]  # each has a key of its own, and shares the others
        (folder / "own" / f"{number}.csv").write_text(trace(((step, number) for step in steps), run=f"own {seed}"))
    (folder / "own" / "stranger.csv").write_text("date,open,close\n2026-11-22,1,2\n")
    return sorted(file for file in folder.rglob("*") if file.is_file())


def shares(files: Sequence[Path], dice: random.Random) -> list[list[Path]]:
    """Return each loader files of its own choice, in an order of its own; each file goes to two of them at least."""
    given: list[list[Path]] = [[] for _ in range(LOADERS)]
    for file in files:
        for number in dice.sample(range(LOADERS), dice.randint(2, LOADERS)):
            given[number].append(file)
    for share in given:
        dice.shuffle(share)
    return given


@pytest.mark.parametrize("builds", [False, True] if LONG else [True], ids=lambda builds: "beside dbt" if builds else "")
def test_eight_loaders_end_as_one(warehouse: Bench, tmp_path: Path, builds: bool, dice: random.Random) -> None:
    """Prevents overlapping loaders from losing a file, landing one twice, or failing a build, and a build them."""
    files: list[Path] = []

    def land_all() -> list[list[dict[str, Any]]]:
        reported = []
        for wave in range(WAVES):
            files.extend(write_wave(tmp_path / f"wave_{wave}", wave))
            loaders = [start(warehouse, *share) for share in shares(files, dice)]
            reported += [results(loader) for loader in loaders]
        return reported

    with ThreadPoolExecutor(1) as beside:
        landing = beside.submit(land_all)
        built = 0
        while builds and not (built and landing.done()):
            warehouse.build(*BUILD)  # fails where a node does
            built += 1
    require_added_up(warehouse, landing.result())
    require_right_statuses(warehouse)
    alone = another_warehouse(warehouse.server, tmp_path)
    results(start(alone, *files))
    assert visible(warehouse, with_place=False) == visible(alone, with_place=False)
    print(f"loaders: {LOADERS * WAVES}, files: {len(files)}, builds beside them: {built}")


def require_added_up(bench: Bench, reported: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Require that each load was `landed` for one loader, known to the others, and counted alike by all."""
    loads = dict(
        bench.query("select load_id, concat_ws(' ', kind, rows_landed, rows_rejected) from {landing}.landing_loads")
    )
    found = [result for results_ in reported for result in results_ if result["status"] != "ignored"]
    assert {result["status"] for result in found} <= {"landed", "unchanged", "superseded"}
    assert Counter(result["load_id"] for result in found if result["status"] == "landed") == Counter(loads.keys())
    for result in found:
        assert loads[result["load_id"]] == f"{result['kind']} {result['rows_landed']} {result['rows_rejected']}"


def require_right_statuses(bench: Bench) -> None:
    """Require `superseded` of the loads of which nothing is read any more, and of no others.

    Said here in another way than the loader does: a key is stated by its latest load, a run by its latest, too.
    """
    latest = bench.query(
        "select max(load_id) from {landing}.landing_loads where session_id <> '' group by kind, session_id, run_id"
    )
    latest += bench.query("select load_id from {landing}.landing_loads where session_id = '' and rows_landed = 0")
    for kind in CORE_KINDS:
        latest += bench.query(
            f"select distinct max(_load_id) from {{landing}}.{kind.name} group by {', '.join(kind.key)}"
        )
    statuses = dict(bench.query("select load_id, status from {landing}.landing_loads"))
    still_read = {number for (number,) in latest}
    expected = {number: "landed" if number in still_read else "superseded" for number in statuses}
    assert statuses == expected


@pytest.mark.parametrize("ends", ["lands", "is killed"])
def test_two_loaders_that_end_at_the_same_moment(emptied: Bench, tmp_path: Path, ends: str) -> None:
    """Prevents two loads of the same keys from both standing as `landed`, since neither saw the other's rows yet.

    The first one is held just before its COMMIT until the second one has ended, or waits for it.
    """
    first, second = (emptied.write(f"{name}.csv", trace([(1, name), (2, name)])) for name in ("0.1", "0.2"))
    with Proxy(emptied.warehouse.landing.port, Stop(at=BEFORE_COMMIT, cuts=False)) as proxy:
        slow = start(through(proxy, emptied, tmp_path / "proxy"), first)
        assert proxy.reached.wait(60)
        quick = start(emptied, second)
        until(lambda: is_waiting(emptied), quick)
        if ends == "is killed":
            slow.kill()
            slow.communicate()
        proxy.release(cuts=ends == "is killed")
    if ends == "lands":
        assert [result["status"] for result in results(slow)] == ["landed"]
    assert [result["status"] for result in results(quick)] == ["landed"]
    again = results(start(emptied, first))
    visible(emptied)
    statuses = [status for (status,) in emptied.query("select status from {landing}.landing_loads order by load_id")]
    assert (statuses, again[0]["status"]) == (["superseded", "landed"], "superseded" if ends == "lands" else "landed")


def test_loaders_that_restate_the_same_keys(emptied: Bench) -> None:
    """Prevents loaders that restate each other's rows from ending in a deadlock, or in two latest statements."""
    rows = 2_000
    for number in range(RESTATEMENTS):
        files = [
            emptied.write(f"{number}_{loader}.csv", trace((step, f"{number}.{loader}") for step in range(rows)))
            for loader in range(3)
        ]
        loaders = [start(emptied, file) for file in files]
        assert [result["status"] for loader in loaders for result in results(loader)] == ["landed"] * 3
        require_right_statuses(emptied)
    [(count,)] = emptied.query("select count(*) from {landing}.landing_loads where status = 'landed'")
    assert count == 1
    visible(emptied)
