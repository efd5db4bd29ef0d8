"""Every mart holds the same on MariaDB and on MySQL, to the last bit of every float."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import ENGINES, ROOT, WITHOUT_TESTS, Bench, Server, empty_place, missing, server_program
from tests.server.helpers import private_home, up
from tests.warehouse.checksums import mart_checksums
from tests.warehouse.generated import HUNDRED_THOUSAND, MILLION, THOUSANDS, write_generated

# AFTERSTATE_LONG_TESTS=1 compares a million rows, and runs every dbt test; it takes some minutes.
LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
WHAT = () if LONG else WITHOUT_TESTS
MANY = MILLION if LONG else HUNDRED_THOUSAND


@pytest.fixture(scope="module", params=["both"])
def homes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, session_folder: Path
) -> Iterator[list[Bench]]:
    """Return a home for a private server of each engine; the servers end with the module."""
    if request.config.getoption("--server") != "both":
        missing("it compares both servers, and `--server` names one")
    benches = []
    for engine in ENGINES:
        benches.append(Server(engine, tmp_path_factory.mktemp(f"same-{engine}"), server_program(engine)))
        benches[-1].copy_data(session_folder)
    with private_home(benches[0], benches[0].home) as mariadb, private_home(benches[1], benches[1].home) as mysql:
        yield [mariadb, mysql]


def built(home: Bench, *places: Path) -> dict[str, str]:
    """Land, build, and give each mart's checksum; each step says how long it took."""
    home.server.private.start(print)
    bench = empty_place(home.server, home.folder)
    up(bench)
    began = time.monotonic()
    landed = bench.land(*places)
    assert {item["status"] for item in landed} <= {"landed", "ignored"}
    assert {item["rows_rejected"] for item in landed} == {0}
    rows, landing = sum(item["rows_landed"] for item in landed), time.monotonic() - began
    began = time.monotonic()
    statuses = bench.build(*WHAT)
    assert set(statuses.values()) <= {"success", "pass", "warn"}, statuses
    print(f"{bench.server.engine}: {rows} rows landed in {landing:.1f} s, built in {time.monotonic() - began:.1f} s")
    return mart_checksums(bench)


def test_the_marts_are_the_same_on_both_servers(homes: list[Bench], nand_example: Path, tmp_path: Path) -> None:
    """Prevents figures that depend on which of the two servers somebody happens to run."""
    write_generated(tmp_path, THOUSANDS)
    mariadb, mysql = (built(bench, ROOT / "samples" / "core", nand_example, tmp_path) for bench in homes)
    assert mariadb == mysql
    empty = {mart for mart, found in mariadb.items() if found.startswith("0:")}
    assert empty == {"shutdown_snapshot_drift", "shutdown_snapshot_retakes", "proposer_log_mismatches"}


def test_the_marts_of_many_rows_are_the_same_on_both_servers(homes: list[Bench], tmp_path: Path) -> None:
    """Prevents a difference that small samples do not show: ties, magnitudes, plans that change with the volume."""
    assert MANY.rows >= 100_000
    write_generated(tmp_path, MANY)
    mariadb, mysql = (built(bench, tmp_path) for bench in homes)
    assert mariadb == mysql
    assert int(mariadb["proposal_phase_keys"].split(":")[0]) == 2 * MANY.sessions * MANY.proposals
    assert int(mariadb["shutdown_state_snapshot"].split(":")[0]) == MANY.designs // 2
