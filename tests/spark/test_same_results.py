"""Every mart holds the same on Spark and on MariaDB, in whatever order files land and whoever is killed meanwhile.

The tests share a lake, a server and a session with two executors: a first build takes minutes. Each lands what it
needs, and compares all marts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.bench import WITHOUT_TESTS, Bench, Server, empty_place
from tests.lake.helpers import land, open_loads, start
from tests.loaders.faults import LONG, TIMEOUT_SECONDS
from tests.loaders.helpers import another_warehouse
from tests.seed import dice_of
from tests.server.helpers import up
from tests.spark.helpers import EXECUTORS, MODELS, Spark
from tests.spark.world import LANDINGS, PLANES, World, correct, restate, shuffled, write_world
from tests.warehouse.brute_force import compare_with_expected
from tests.warehouse.checksums import checksum, mart_checksums, mart_queries

pytestmark = pytest.mark.engines("mariadb")

# AFTERSTATE_LONG_TESTS=1: a million rows, and every model in full; else what must be as it was, and what is computed
# otherwise when it is built in full.
REFRESHED = () if LONG else ("--select", "shutdown_snapshot_memory", "int_phase_keys__segments", "proposal_phase_keys")
BUILT_AFTER = range(LANDINGS) if LONG else (1, 2)
LOADERS_KILLED = 50 if LONG else 6
LOADER_SECONDS = 1.0
EXECUTORS_KILLED = 2  # in each build that ends
DRIVERS_KILLED = 4 if LONG else 1


@dataclass
class Both:
    """The warehouses on MariaDB and on Spark, and what was seen while files landed in both."""

    server: Bench
    published: Bench
    spark: Spark
    world: World
    folder: Path
    differences: list[dict[str, str]] = field(default_factory=list)
    commits: int = 0  # of the last build on Spark
    loaders_killed: int = 0
    loads_cut_off: int = 0

    def land(self, files: list[Path], dice: random.Random, kills: int = 0) -> None:
        """Land files in both, in two orders; loaders into the lake are killed."""
        for _ in range(kills):
            self._kill_a_loader(shuffled(files, dice), dice.uniform(0, LOADER_SECONDS))
        into_lake = land(self.spark.lake, *shuffled(files, dice))
        into_server = self.server.land(*shuffled(files, dice))
        done = ("landed", "ignored", "unchanged")
        assert [item for item in (*into_lake, *into_server) if item["status"] not in done] == []

    def _kill_a_loader(self, files: list[Path], seconds: float) -> None:
        """Kill a loader so long after its first commit."""
        log = self.spark.lake / "landing"
        began, open_before = time.time(), open_loads(self.spark.lake)
        loader = start(self.spark.lake, *files)
        while loader.poll() is None and not any(
            path.stat().st_mtime >= began for path in log.glob("landing_loads/_delta_log/*.json")
        ):
            time.sleep(0.01)
        time.sleep(seconds)
        self.loaders_killed += loader.poll() is None
        loader.kill()
        loader.communicate(timeout=TIMEOUT_SECONDS)
        self.loads_cut_off += bool(open_loads(self.spark.lake) - open_before)

    def build(self) -> None:
        """Build both."""
        self.server.build(*WITHOUT_TESTS)
        began = time.time()
        self.spark.dbt("build", *MODELS)
        self.commits = self.spark.commits(began)

    def publish(self) -> list[str]:
        """Publish the lake, and return the tables and views that differ from what MariaDB built, or are not there."""
        done = self.published.run("publish", "--lake", self.spark.lake)
        assert done.exit_code == 0, done.output
        built, there = mart_checksums(self.server), mart_checksums(self.published)
        return sorted(name for name in built.keys() | there.keys() if built.get(name) != there.get(name))

    def compare(self) -> dict[str, str]:
        """Return what differs, by mart: the checksums, and rows that one of them alone has."""
        began = time.monotonic()
        there, found = mart_checksums(self.server), {}
        for mart, query in mart_queries(self.server).items():
            here = checksum(self.spark.rows(query))
            if here != there[mart]:
                on_server, on_spark = set(self.server.query(query, role="bi")), set(self.spark.rows(query))
                alone = [sorted(map(repr, rows))[:3] for rows in (on_server - on_spark, on_spark - on_server)]
                found[mart] = f"MariaDB {there[mart]}, Spark {here}; rows of one alone: {alone}"
        print(f"{len(there)} marts compared in {time.monotonic() - began:.0f} s")
        return found


@pytest.fixture(scope="module")
def both(server: Server, nand_example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Land everything in some steps and build after each; whatever is left of a session ends with the module."""
    folder = tmp_path_factory.mktemp("both")
    bench = empty_place(server, folder / "server")
    up(bench)
    with closing(Spark(folder / "lake", folder)) as spark:
        published = another_warehouse(server, folder / "published")
        both = Both(bench, published, spark, write_world(folder, nand_example), folder)
        dice = dice_of("landing for Spark")
        for number, files in enumerate(both.world.landings):
            both.land(files, dice, LOADERS_KILLED // LANDINGS)
            if number in BUILT_AFTER:
                both.build()
                both.differences.append(both.compare())
        yield both


def remembered(spark: Spark) -> list[tuple[object, ...]]:
    """Return the memory, the times at which it took its inputs included."""
    columns = ", ".join(
        f"cast({input_}_taken_at as string)" for input_ in ("event", "trace", "fallback", "reservation")
    )
    return spark.query(
        f"select id, SoMS_cumsum_window, fallback_stage, {columns} from {{marts}}.shutdown_snapshot_memory order by id"
    )


def test_the_work_is_done_by_executors_of_their_own(both: Both) -> None:
    """Prevents a comparison in one process, where nothing is sent, and nothing is lost on the way."""
    assert len(both.spark.executors()) == EXECUTORS
    assert all(process.cpu_times().user > 1 for process in both.spark.executors())


def test_the_marts_are_the_same_after_every_landing(both: Both) -> None:
    """Prevents figures that depend on whether a warehouse is on a server or on Spark, whatever landed when.

    Loaders were killed meanwhile: prevents rows of a load that was cut off, or those of a load that landed twice.
    """
    assert both.differences == [{}] * len(BUILT_AFTER)
    drift = "select frozen_value, current_value from {marts}.shutdown_snapshot_drift where case_id = 'B_GOVERNED'"
    assert ("7.2", "7.4") in both.spark.query(drift)
    print(f"loaders killed at work: {both.loaders_killed}, with a load open: {both.loads_cut_off}")
    assert both.loaders_killed >= LOADERS_KILLED // 2
    assert both.loads_cut_off


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("int_phase_keys__segments", "next_start_tick"),
        ("proposal_phase_keys", "propose_tick"),
        ("plane_utilisation", "session_id"),
        ("design_trajectory", "antibody_id"),
    ],
)
def test_a_build_writes_what_has_changed(both: Both, table: str, column: str) -> None:
    """Prevents builds that write each table as a whole, however little is new."""
    assert f"({column} >= " in both.spark.writes(table)[-1]["predicate"]


def test_the_keys_of_random_planes_are_the_brute_force_scan(both: Both) -> None:
    """Prevents SQL that reads a timeline otherwise on Spark than the design's table does."""
    assert compare_with_expected(both.spark.query, both.world.planes) >= PLANES


def test_what_is_published_is_what_a_build_makes(both: Both) -> None:
    """Prevents dashboards that show something else when the marts come from a lake."""
    assert both.publish() == []


def test_a_build_in_full_is_the_incremental_one(both: Both) -> None:
    """Prevents tables that depend on how often they were built, and a memory that a rebuild forgets."""
    before = remembered(both.spark)
    both.spark.dbt("build", *MODELS, "--full-refresh", *REFRESHED)
    assert both.compare() == {}
    assert remembered(both.spark) == before


def test_a_driver_that_is_killed_when_a_contract_has_changed(both: Both) -> None:
    """Prevents a table that stays empty: Spark makes it with its new columns first, and fills it by another commit."""
    name = "phase_proposal_counts"
    both.spark.query(f"alter table {{marts}}.{name} add columns (of_another_release int)")
    began = time.time()
    both.spark.begin("run", "--select", name)
    both.spark.wait_for_commits(1, began, name)
    both.spark.kill_driver()
    assert both.spark.commits(began, name) == 1
    both.spark.dbt("run", "--select", f"+{name}")
    assert both.compare() == {}


def changes(both: Both, name: str, dice: random.Random) -> list[Path]:
    """Return files that change much: a run of each random session once more, and a correction of the demo's trace."""
    runs = [path for files in both.world.random_sessions.values() for path in files[dice.randint(1, 3)]]
    return [*restate(runs, name), correct(both.folder / name, f"7.{name[-1]}")]


def build_and_kill(both: Both, dice: random.Random, executors: int, *, driver: bool) -> None:
    """Build on Spark, kill executors at some moments of it, and the driver at last, or wait for the end."""
    began = time.time()
    both.spark.begin("build", *MODELS)
    moments = sorted(dice.sample(range(1, both.commits // 2), executors + driver))
    for moment in moments[:executors]:
        both.spark.wait_for_commits(moment, began)
        victim = dice.choice(both.spark.executors())
        assert both.spark.is_at_work()
        victim.kill()
        print(f"executor killed after {both.spark.commits(began)} of some {both.commits} commits")
        psutil.wait_procs([victim], TIMEOUT_SECONDS)
        both.spark.wait_for_executors()
    if driver:
        both.spark.wait_for_commits(moments[-1], began)
        assert both.spark.is_at_work()
        print(f"driver killed after {both.spark.commits(began)} of some {both.commits} commits")
        both.spark.kill_driver()
    else:
        both.spark.end()


def test_executors_and_drivers_that_are_killed(both: Both, dice: random.Random) -> None:
    """Prevents rows that are lost, or come twice, with a process that dies in the middle of a build.

    A driver that dies between two tables, or between a table and the note of what it is built from, leaves to the next
    build what it has not done, or not noted.
    """
    for number in range(DRIVERS_KILLED):
        both.land(changes(both, f"killed_{number + 5}", dice), dice)
        both.server.build(*WITHOUT_TESTS)
        build_and_kill(both, dice, 1, driver=True)
        build_and_kill(both, dice, EXECUTORS_KILLED, driver=False)
        assert both.compare() == {}
        assert both.publish() == []
