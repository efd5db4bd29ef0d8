"""`afterstate prune`: what it says, what it removes, and what stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from afterstate.warehouse.build_lock import BuildLock
from tests.bench import ROOT, Bench
from tests.loaders.helpers import TRACE_KIND, trace
from tests.warehouse.builders import wait_until
from tests.warehouse.scenarios import base_files

TIMELINE_KIND = "nand_op_state_timeline"
TIMELINE = "start,end,die,plane,op_state,op_name\n"


def states(bench: Bench) -> list[tuple[object, ...]]:
    return bench.query(
        "select load_id, kind, status, rows_landed, rows_rejected from {landing}.landing_loads order by 1"
    )


def rows(bench: Bench, kind: str) -> list[tuple[object, ...]]:
    return bench.query(f"select _load_id, count(*) from {{landing}}.{kind} group by 1 order by 1")


@pytest.fixture
def pruneable(warehouse: Bench) -> Bench:
    """Return a warehouse with a superseded load of each family, and one of which a key still holds."""
    warehouse.land(warehouse.write("1.csv", trace([(1, 1), (2, 2), ("x", 3)])))
    warehouse.land(warehouse.write("2.csv", trace([(3, 1), (4, 1)])))
    warehouse.land(warehouse.write("3.csv", trace([(1, 9), (2, 9), (3, 9)])))
    for number, end in enumerate((5, 6)):
        file = warehouse.write(
            f"chip{number}/op_state_timeline_261122_1.csv", f"{TIMELINE}0,{end},0,0,READ.ISSUE,READ\n"
        )
        warehouse.land(file, "--session", "chip")
    assert [state[2] for state in states(warehouse)] == ["superseded", "landed", "landed", "superseded", "landed"]
    return warehouse


def test_it_says_what_it_will_do_and_does_nothing_unasked(pruneable: Bench) -> None:
    """Prevents rows from being removed by somebody who only looks, or by a script that nobody gave leave."""
    before = states(pruneable)
    looked = pruneable.run("prune", "--dry-run")
    assert looked.exit_code == 0
    first, second, sums = looked.stdout.splitlines()
    assert first == f"load 1: core8_state_trace: 2 rows  {pruneable.folder / '1.csv'}"
    assert second == (
        "load 4: nand_op_state_timeline of chip, run 261122_1: 1 rows  "
        f"{pruneable.folder / 'chip0' / 'op_state_timeline_261122_1.csv'}"
    )
    assert sums == "loads to prune: 2; their rows: 3"
    unasked = pruneable.run("prune")
    assert (unasked.exit_code, unasked.stdout) == (2, looked.stdout)
    assert "cannot ask for confirmation: no terminal\n  use `--yes` to confirm, `--dry-run` to look" in unasked.stderr
    assert pruneable.run("prune", "--kind", "trace", "--yes").exit_code == 2
    assert states(pruneable) == before
    assert rows(pruneable, TRACE_KIND) == [(1, 2), (2, 2), (3, 3)]


def test_names_do_not_steer_the_terminal(common: Bench) -> None:
    """Prevents the name of somebody else's file from clearing or painting the screen."""
    session = f"{common.folder.name[-40:]}\u202e"
    for end in (5, 6):
        name = f"evil\x1b[2J\x1b[31m_261122_1_{end}.csv"
        file = common.write(name, f"{TIMELINE}0,{end},0,0,READ.ISSUE,READ\n")
        common.land(file, "--session", session, "--run", "261122_1")
    printed = common.run("prune", "--dry-run").stdout
    assert r"evil\x1b[2J\x1b[31m_261122_1_5.csv" in printed
    assert r"\u202e, run 261122_1" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_what_goes_and_what_stays(pruneable: Bench) -> None:
    """Prevents a row that is still read, a reject or a load's place in the manifest from going with what is pruned."""
    build = ("--exclude", "test_type:generic")
    pruneable.build(*build)
    marts = pruneable.query("select * from {staging}.stg_core__state_trace order by step", role="dbt")
    spans = pruneable.query("select * from {marts}.op_state_spans", role="bi")

    pruned = pruneable.run("prune", "--yes", "--kind", TRACE_KIND)
    assert pruned.exit_code == 0, pruned.output
    assert pruned.stdout.splitlines()[-1] == "removed 2 rows; the server reuses their space"
    assert "pruned load 1: 2 rows" in pruned.stderr
    assert rows(pruneable, TIMELINE_KIND) == [(4, 1), (5, 1)]
    assert pruneable.run("prune", "--yes").exit_code == 0

    assert states(pruneable) == [
        (1, TRACE_KIND, "pruned", 2, 1),
        (2, TRACE_KIND, "landed", 2, 0),
        (3, TRACE_KIND, "landed", 3, 0),
        (4, TIMELINE_KIND, "pruned", 1, 0),
        (5, TIMELINE_KIND, "landed", 1, 0),
    ]
    assert rows(pruneable, TRACE_KIND) == [(2, 2), (3, 3)]
    assert rows(pruneable, TIMELINE_KIND) == [(5, 1)]
    assert pruneable.query("select load_id, value from {landing}.landing_rejects") == [(1, "x")]
    assert [result["status"] for result in pruneable.land(pruneable.folder / "1.csv")] == ["superseded"]
    assert pruneable.run("prune", "--yes").stdout == "loads to prune: 0; their rows: 0\n"

    statuses = pruneable.build()
    assert statuses["assert_loads_hold_their_rows"] == "pass"
    assert pruneable.query("select * from {staging}.stg_core__state_trace order by step", role="dbt") == marts
    assert pruneable.query("select * from {marts}.op_state_spans", role="bi") == spans


def test_a_load_that_is_superseded_and_pruned_before_it_was_built(pruneable: Bench) -> None:
    """Prevents the models that remember loads from looking for rows that they never saw."""
    assert pruneable.run("prune", "--yes").exit_code == 0
    pruneable.build("--select", "+op_state_spans")
    assert pruneable.query("select end_us from {marts}.op_state_spans", role="bi") == [(6.0,)]


def test_rows_stay_until_a_build_has_let_them_go(warehouse: Bench) -> None:
    """Prevents a withdrawn file's snapshot from staying once nothing says whose it was."""
    models = ("--select", "+shutdown_snapshot_drift")
    for name, text in base_files("run").items():
        warehouse.land(warehouse.write(f"{name}.csv", text))
    warehouse.build_without_tests(*models)
    load = warehouse.query("select load_id from {landing}.landing_loads where kind = %s", TRACE_KIND)[0][0]
    assert warehouse.run("withdraw", str(load), "--yes").exit_code == 0
    for arguments in (("--dry-run",), ("--yes",)):
        early = warehouse.run("prune", *arguments)
        assert (early.exit_code, early.stdout) == (0, "loads to prune: 0; their rows: 0\n")
        assert "still built from: 1; run `afterstate build`, then this command again" in early.stderr
    warehouse.build_without_tests(*models)
    assert warehouse.run("prune", "--yes").stdout.startswith(f"load {load}: ")
    current = "select SoMS_cumsum_window, is_trace_found from {staging}.int_shutdown__states"
    assert warehouse.query(current, role="dbt") == [(None, 0)]


def test_a_former_model_keeps_no_rows(pruneable: Bench) -> None:
    """Prevents rows that stay for good: a model that this release no longer has was built from them."""
    models = ("--select", "+int_landing__built_loads")
    pruneable.build_without_tests(*models)
    built = "insert into {staging}.int_landing__built_loads (model, load_id) values ('int_phase_keys__former', 4)"
    pruneable.query(built, role="dbt")
    assert "still built from: 1" in pruneable.run("prune", "--dry-run").stderr
    pruneable.build_without_tests(*models)
    assert "still built from" not in pruneable.run("prune", "--dry-run").stderr


def test_pruning_waits_for_a_build(warehouse: Bench) -> None:
    """Prevents rows going away under a build that has yet to note what it read of them."""
    for value in (1, 2):
        warehouse.land(warehouse.write(f"{value}.csv", trace([(1, value)])))
    found = warehouse.warehouse
    with ThreadPoolExecutor() as pool:
        with BuildLock(found.schemas, found.dbt, "by a test", print):
            pruning = pool.submit(warehouse.run, "prune", "--yes")
            waiting = "select count(*) from information_schema.processlist where info like %s"
            wait_until(lambda: warehouse.query(waiting, "select get_lock(%, 60)", role="dbt")[0][0])
            assert states(warehouse)[0][2] == "superseded"
        done = pruning.result()
    assert f"waiting for another build of `{found.schemas.marts}`: " in done.stderr
    assert states(warehouse)[0][2] == "pruned"


def test_a_terminal_is_asked(pruneable: Bench) -> None:
    """Prevents a slip of the finger from being taken for leave."""
    for answer, status in ((b"n\n", "superseded"), (b"y\n", "pruned")):
        master, terminal = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "loaders", "prune"],
            env={**os.environ, **pruneable.environment},
            cwd=ROOT,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(terminal)
        os.write(master, answer)
        process.communicate(timeout=60)
        os.close(master)
        assert (process.returncode, states(pruneable)[0][2]) == (int(status == "superseded"), status)


def test_pruning_that_is_killed(warehouse: Bench) -> None:
    """Prevents half of a load from staying behind, or its manifest from saying what is not so."""
    count = 60_000
    for value in (1, 2):
        warehouse.land(warehouse.write(f"{value}.csv", trace((step, value) for step in range(count))))
    interrupted = 0
    for delay in (0.0, 0.1, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-m", "loaders", "prune", "--yes"],
            env={**os.environ, **warehouse.environment},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout
        process.stdout.readline()  # the plan: from now on it works
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        interrupted += process.returncode == -signal.SIGKILL
        deadline = time.monotonic() + 60
        while (left := rows(warehouse, TRACE_KIND)) not in ([(1, count), (2, count)], [(2, count)]):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        assert (states(warehouse)[0][2] == "pruned") is (len(left) == 1)
    assert interrupted
    assert warehouse.run("prune", "--yes").exit_code == 0
    assert states(warehouse)[0][2] == "pruned"
    assert rows(warehouse, TRACE_KIND) == [(2, count)]


def test_pruning_beside_landing(pruneable: Bench) -> None:
    """Prevents pruning and landing from waiting for each other's locks forever, or from taking each other's rows."""
    files: list[Path] = [
        pruneable.write(f"more/{number}.csv", trace(((step, number) for step in range(2_000)), run="beside"))
        for number in range(4)
    ]
    loader = subprocess.Popen(
        [sys.executable, "-m", "loaders", "land", *map(str, files), "--json"],
        env={**os.environ, **pruneable.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    while loader.poll() is None:
        assert pruneable.run("prune", "--yes").exit_code == 0
    loader.communicate()
    assert loader.returncode == 0
    assert pruneable.run("prune", "--yes").exit_code == 0
    assert rows(pruneable, TRACE_KIND)[-1][1] == 2_000
    assert [state[2] for state in states(pruneable)[5:]] == ["pruned"] * 3 + ["landed"]
