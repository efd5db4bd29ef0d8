"""`afterstate backup` and `restore`: what is remembered outlives the server, to the microsecond."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ENGINES, Bench, Server, empty_place, missing, server_program
from tests.server.helpers import private_home, up
from tests.warehouse.scenarios import base_files
from tests.warehouse.test_retake import retake

MEMORY = "select * from {marts}.shutdown_snapshot_memory order by id"
RETAKES = "select * from {marts}.shutdown_snapshot_retakes order by snapshot_id"
LOADS = "select * from {audit}.restored_loads order by load_id"
REJECTS = "select * from {audit}.restored_rejects order by load_id, row_no"
SNAPSHOTS = ("--select", "+shutdown_state_snapshot", "+restored_loads", "+restored_rejects")


def build(warehouse: Bench) -> None:
    """Build what a backup reads and a restore writes."""
    warehouse.build_without_tests(*SNAPSHOTS)


def land(warehouse: Bench, folder: str, *runs: str, **replaced: tuple[str, str]) -> None:
    """Land runs from a folder; `replaced` says, by kind, what is written instead of what."""
    for run in runs:
        for kind, text in base_files(run).items():
            warehouse.write(f"{folder}/{run}/{kind}.csv", text.replace(*replaced.get(kind, ("", ""))))
    warehouse.land(warehouse.folder / folder)


def everything(warehouse: Bench) -> list[list[tuple[Any, ...]]]:
    """Read the memory and the retakes as they are."""
    return [warehouse.query(statement, role="bi") for statement in (MEMORY, RETAKES)]


def filled(warehouse: Bench) -> list[list[tuple[Any, ...]]]:
    """Fill a warehouse with what is hard to carry: texts, magnitudes, gaps, a retake, a reject; return it."""
    measures = (",2.1,0.213333,", ",1.7976931348623157e308,5e-324,")
    land(warehouse, "first", "run", "항체_🧬", "gap", trace=measures)
    odd = base_files("ODD")["events"].replace("ODD", '"it\'s \\ ""odd"""')
    warehouse.write("more/events.csv", odd)
    warehouse.write("more/trace.csv", base_files("bad")["trace"].replace(",21,", ",21.5,"))
    warehouse.land(warehouse.folder / "more")
    build(warehouse)
    land(warehouse, "second", "run", trace=(",2.1,", ",2.5,"))
    assert retake(warehouse, "run", reason='it\'s "2.5" \\ 틀림').exit_code == 0
    build(warehouse)
    return everything(warehouse)


def lost(warehouse: Bench) -> None:
    """Lose every schema, as a deleted data folder does, and start over."""
    layout = "one_database" if warehouse.warehouse.schemas.is_one_database else "four_schemas"
    empty_place(warehouse.server, warehouse.folder, layout)
    assert warehouse.run("up").exit_code == 0
    build(warehouse)


def restored(warehouse: Bench, file: Path) -> str:
    """Restore and build, and return what was said."""
    done = warehouse.run("restore", file)
    assert done.exit_code == 0, done.output
    build(warehouse)
    return done.stdout


@pytest.mark.layouts("four_schemas", "one_database")
def test_an_empty_warehouse_is_restored_to_the_microsecond(warehouse: Bench) -> None:
    """Prevents a lost data folder taking with it the one table that no file can rebuild."""
    before = filled(warehouse)
    snapshots = warehouse.query("select * from {marts}.shutdown_state_snapshot order by id", role="bi")
    loads = warehouse.query("select * from {audit}.landing_loads order by load_id", role="bi")
    file = warehouse.folder / "backup.zip"
    done = warehouse.run("backup", file)
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    lost(warehouse)
    assert restored(warehouse, file).startswith("restored: snapshots 4, retakes 1, loads 15, rejects 1")
    assert everything(warehouse) == before
    assert warehouse.query("select * from {marts}.shutdown_state_snapshot order by id", role="bi") == snapshots
    assert warehouse.query(LOADS, role="bi") == loads
    rejects = warehouse.query(REJECTS, role="bi")
    assert [row[6:8] for row in rejects] == [("step", "21.5")]
    # again, and the files again: nothing changes, and nothing is refused
    assert restored(warehouse, file).startswith("restored: snapshots 0, retakes 0, loads 0, rejects 0")
    assert {item["status"] for item in warehouse.land(warehouse.folder / "first")} == {"landed"}
    build(warehouse)
    assert everything(warehouse) == before
    # a backup of what was restored has all of it, and a new snapshot gets an id that none had
    second = warehouse.folder / "second.zip"
    assert "loads 27, rejects 1" in warehouse.run("backup", second).stdout
    land(warehouse, "later", "later")
    build(warehouse)
    known = {row[0] for rows in before for row in rows}
    assert {row[0] for row in warehouse.query(MEMORY, role="bi")} - known > set()


@pytest.mark.layouts("four_schemas", "one_database")
def test_weeks_that_came_after_the_loss_stay(warehouse: Bench) -> None:
    """Prevents a restore that takes this week's snapshots away, or gives two snapshots one id."""
    before = filled(warehouse)
    file = warehouse.folder / "backup.zip"
    warehouse.run("backup", file)
    lost(warehouse)
    land(warehouse, "week", "week_1", "run", "week_2", trace=(",2.1,", ",9.9,"))
    build(warehouse)
    this_week = {row[2]: row for row in warehouse.query(MEMORY, role="bi")}
    said = restored(warehouse, file)
    assert "shutdowns remembered on both sides: 1" in said
    assert "that got a new id: " in said
    memory, retakes = everything(warehouse)
    assert [row for row in memory if not row[2].startswith("week")] == before[0]  # ids and times, too
    for run in ("week_1", "week_2"):
        (row,) = [row for row in memory if row[2] == run]
        assert row[1:] == this_week[run][1:]
    assert len({row[0] for row in (*memory, *retakes)}) == len(memory) + len(retakes)
    assert [row for row in retakes if row in before[1]] == before[1]
    (gave_way,) = [row for row in retakes if row not in before[1]]
    assert gave_way[4].startswith("restored: ")
    assert 9.9 in gave_way
    assert restored(warehouse, file).startswith("restored: snapshots 0, retakes 0")
    assert everything(warehouse) == [memory, retakes]


def test_what_went_on_after_the_backup_is_not_taken_back(warehouse: Bench) -> None:
    """Prevents an old backup undoing a correction, or a gap that was filled since."""
    for kind in ("events", "trace"):
        warehouse.write(f"gap/{kind}.csv", base_files("gap")[kind])
    warehouse.land(warehouse.folder / "gap")
    land(warehouse, "first", "run")
    build(warehouse)
    file = warehouse.folder / "backup.zip"
    warehouse.run("backup", file)
    land(warehouse, "second", "run", "gap", fallback=("REASON_21", "REASON_LATER"))
    assert retake(warehouse, "run").exit_code == 0
    build(warehouse)
    after = everything(warehouse)
    restored(warehouse, file)
    assert everything(warehouse) == after


def test_a_restored_shutdown_is_in_what_is_built_from_files(warehouse: Bench) -> None:
    """Prevents marts without a shutdown that the restored memory has, since nothing has landed, or never does here."""
    marked = "select step from {marts}.design_trajectory where is_shutdown_step"
    counted = "select run_id, shutdown_count from {marts}.governed_run_summary order by run_id"
    trajectory = (*SNAPSHOTS, "+design_trajectory", "+governed_run_summary")
    land(warehouse, "first", "elsewhere", "run")
    build(warehouse)
    file = warehouse.folder / "backup.zip"
    warehouse.run("backup", file)
    lost(warehouse)
    warehouse.land(warehouse.write("steps/run/trace.csv", base_files("run")["trace"]))
    warehouse.build_without_tests(*trajectory)
    assert warehouse.query(marked, role="bi") == []
    assert warehouse.query(counted, role="bi") == [("run", 0)]
    restored(warehouse, file)
    warehouse.build_without_tests(*trajectory)
    assert warehouse.query(marked, role="bi") == [(21,)]
    assert warehouse.query(counted, role="bi") == [("elsewhere", 1), ("run", 1)]


def test_what_is_not_a_whole_backup_is_refused(warehouse: Bench) -> None:
    """Prevents half of a backup restored, or one that a newer Afterstate wrote misread."""
    file = warehouse.folder / "backup.zip"
    assert "run `afterstate build` first" in warehouse.run("backup", file).stderr
    assert not file.exists()
    filled(warehouse)
    warehouse.run("backup", file)
    assert "is there already" in warehouse.run("backup", file).stderr
    before = everything(warehouse)
    members = {name: zipfile.ZipFile(file).read(name) for name in zipfile.ZipFile(file).namelist()}
    made = json.loads(members["backup.json"])
    memory = members["shutdown_snapshot_memory.jsonl"]
    strange = memory.replace(b'"veto_streak"', b'"other_streak"')
    changes: dict[str, dict[str, bytes]] = {
        "another checksum": {"shutdown_snapshot_memory.jsonl": memory[:-9]},
        "does not know": {"backup.json": json.dumps({**made, "version": 2}).encode()},
        "is not a backup": {"backup.json": b"{"},
        "the column `other_streak`": {
            "shutdown_snapshot_memory.jsonl": strange,
            "backup.json": json.dumps(made).replace(*_checksums(memory, strange)).encode(),
        },
    }
    for number, (message, changed) in enumerate(changes.items()):
        broken = warehouse.folder / f"broken_{number}.zip"
        with zipfile.ZipFile(broken, "w") as archive:
            for name, content in (members | changed).items():
                archive.writestr(name, content)
        refused = warehouse.run("restore", broken)
        assert refused.exit_code == 1
        assert message in refused.stderr, refused.stderr
    cut = warehouse.write("cut.zip", file.read_bytes()[:-100])
    assert warehouse.run("restore", cut).exit_code == 1
    assert everything(warehouse) == before


def _checksums(before: bytes, after: bytes) -> tuple[str, str]:
    return (hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest())


NOTEBOOK = (
    "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final,SoMS_cumsum_window,action_toggle_rate,"
    "blocked_rate_window,veto_streak,fallback_stage,fallback_reason_code,fallback_score,reservation_status,"
    "reservation_reason_code,risk_score_total,snapshot_rule_id,snapshot_created_at\n"
    "run,B_GOVERNED,antibody_C,21,CORE8_PARTIAL_SEAL,7.2,0.333333,0.2,1.0,PARTIAL_SEAL,R,0.441709,NONE,W,0.232854,"
    "core10_02_v1,2026-01-08 09:27:18.936677\n"
    "old,B_GOVERNED,antibody_C,9,CORE8_PARTIAL_SEAL,,,,,,,,,,,core10_02_v1,2026-01-09 10:00:00\n"
)


def test_the_notebooks_own_snapshots_are_brought_in(warehouse: Bench) -> None:
    """Prevents years of snapshots in the notebook's CSV that start over with the files of today."""
    land(warehouse, "first", "run")
    build(warehouse)
    file = warehouse.write("core10_02_shutdown_snapshot.csv", NOTEBOOK)
    assert restored(warehouse, file).startswith("restored: snapshots 2, retakes 1")
    brought = warehouse.query(
        "select snapshots.run_id, SoMS_cumsum_window, veto_streak, reservation_status, "
        "cast(snapshot_created_at as char), missing_inputs from {marts}.shutdown_state_snapshot as snapshots "
        "join {marts}.shutdown_snapshot_inputs on id = snapshot_id order by 1",
        role="bi",
    )
    assert brought == [
        ("old", None, None, None, "2026-01-09 10:00:00.000000", "trace, fallback, reservation"),
        ("run", 7.2, 1, "NONE", "2026-01-08 09:27:18.936677", None),
    ]
    before = everything(warehouse)
    assert restored(warehouse, file).startswith("restored: snapshots 0, retakes 0")
    assert everything(warehouse) == before
    for broken, message in (
        (NOTEBOOK.replace("7.2", "seven"), "line 2: `SoMS_cumsum_window` is `seven`, expected a number"),
        (NOTEBOOK.replace("2026-01-09 10:00:00", ""), "line 3: `snapshot_created_at` is empty"),
        (NOTEBOOK.replace("snapshot_rule_id", "rule"), "it has no column `snapshot_rule_id`"),
    ):
        refused = warehouse.run("restore", warehouse.write("broken.csv", broken))
        assert refused.exit_code == 1
        assert message in refused.stderr


@pytest.fixture(scope="module", params=["both"])
def homes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, session_folder: Path
) -> Iterator[list[Bench]]:
    """Yield a home for a private server of each engine; the servers end with the module."""
    if request.config.getoption("--server") != "both":
        missing("it moves a warehouse between both servers, and `--server` names one")
    servers = [Server(engine, tmp_path_factory.mktemp(f"moved-{engine}"), server_program(engine)) for engine in ENGINES]
    for server in servers:
        server.copy_data(session_folder)
    with private_home(servers[0], servers[0].home) as mariadb, private_home(servers[1], servers[1].home) as mysql:
        yield [mariadb, mysql]


def test_a_memory_moves_from_one_server_to_the_other_and_back(homes: list[Bench], tmp_path: Path) -> None:
    """Prevents a warehouse that is tied to the engine it began on, or that loses a digit on the way."""
    benches = []
    for home in homes:
        home.server.private.start(print)
        benches.append(empty_place(home.server, home.folder))
        up(benches[-1])
    first, second = benches
    before = filled(first)
    build(second)
    assert first.run("backup", tmp_path / "there.zip").exit_code == 0
    restored(second, tmp_path / "there.zip")
    assert everything(second) == before
    lost(first)
    assert second.run("backup", tmp_path / "back.zip").exit_code == 0
    restored(first, tmp_path / "back.zip")
    assert everything(first) == before
