"""Servers set up for something else: the same results, or a refusal that says what to change.

Settings of different things are changed together, unless one would hide another's effect. AFTERSTATE_LONG_TESTS=1
changes each alone, and builds with every test; it takes some minutes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from afterstate.server import data, private
from afterstate.warehouse.connect import open_cursor
from tests.bench import ROOT, WITHOUT_TESTS, Bench, Server, empty_place
from tests.server.helpers import as_admin, bench_in, global_setting, private_home, up
from tests.warehouse.checksums import mart_checksums
from tests.warehouse.generated import THOUSANDS, write_generated

LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
WHAT = () if LONG else WITHOUT_TESTS
Settings = dict[str, str | int]
SETTINGS: dict[str, Settings] = {
    # a collation brings its character set; to set that as well would leave its default collation behind
    "latin1": {"collation_server": "latin1_swedish_ci"},
    "case-blind": {"collation_server": "utf8mb4_general_ci"},
    "no sql_mode": {"sql_mode": ""},
    "other quotes": {"sql_mode": "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES"},
    "far east": {"time_zone": "+09:00"},
    "as MySQL is installed": {"local_infile": 0},
    "no transactions": {"default_storage_engine": "MyISAM"},
    "small buffers": {
        "sort_buffer_size": 32 << 10,
        "join_buffer_size": 128,
        "read_buffer_size": 8 << 10,
        "tmp_table_size": 1 << 20,
        "max_heap_table_size": 16 << 10,
    },
}
OWN_SETTINGS: dict[str, dict[str, Settings]] = {
    "mariadb": {"small memory for tables": {"tmp_memory_table_size": 1 << 20}},
    "mysql": {"keys for all tables": {"sql_require_primary_key": 1}},
}
# No two that set the same, and INSERT alone: beside it, nothing else would be landed by LOAD DATA.
TOGETHER = (
    ("latin1", "no sql_mode", "far east", "small buffers", "small memory for tables"),
    ("case-blind", "other quotes", "no transactions", "keys for all tables"),
    ("as MySQL is installed",),
)
# What a running server cannot change; the former must be known when its data directory is made.
FROM_THE_START: dict[str, Settings] = {
    "lower-case names": {"lower_case_table_names": 1},
    "small pool": {"innodb_buffer_pool_size": 6 << 20},
}


def changes(engine: str) -> dict[str, Settings]:
    """Return what is changed at a time on a running server, each by its name."""
    all_of_it = SETTINGS | OWN_SETTINGS[engine]
    groups = [[name for name in group if name in all_of_it] for group in TOGETHER]
    assert sorted(name for group in groups for name in group) == sorted(all_of_it)
    return each_alone_or_together(all_of_it, groups)


def each_alone_or_together(settings: dict[str, Settings], groups: Iterable[Collection[str]]) -> dict[str, Settings]:
    """Return the settings as they are named, or those of a group as one."""
    if LONG:
        return settings
    merged: dict[str, Settings] = {}
    for group in groups:
        for name in group:
            found = merged.setdefault(", ".join(group), {})
            assert not found.keys() & settings[name].keys()
            found.update(settings[name])
    return merged


CHANGES = [
    pytest.param(settings, id=name, marks=pytest.mark.engines(engine))
    for engine in OWN_SETTINGS
    for name, settings in changes(engine).items()
]
STARTS = each_alone_or_together(FROM_THE_START, [FROM_THE_START])


@contextmanager
def started_with(settings: Settings) -> Iterator[None]:
    """Let private servers start with these settings, which win over their own."""
    made, initialise = private.option_file, data._initialise_command
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    early = [f"--{name}={value}" for name, value in settings.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "option_file", lambda *arguments: made(*arguments) + lines)
        patch.setattr(data, "_initialise_command", lambda *arguments: [*initialise(*arguments), *early])
        yield


@contextmanager
def in_time_zone(zone: str) -> Iterator[None]:
    """Let this process, and what it starts, take local time for another; an empty zone changes nothing."""
    with pytest.MonkeyPatch.context() as patch:
        if zone:
            patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module")
def files(nand_example: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return what is landed everywhere: the sample, the real example, and keys that only exact servers tell apart."""
    generated = tmp_path_factory.mktemp("generated")
    write_generated(generated, THOUSANDS)
    return [ROOT / "samples" / "core", nand_example, generated]


@pytest.fixture(scope="module")
def friendly(server: Server, files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the marts' checksums on a server that is set up as Afterstate does it."""
    return results(empty_place(server, tmp_path_factory.mktemp("friendly"), "four_schemas"), files)


def results(bench: Bench, files: list[Path]) -> dict[str, str]:
    """Do all the work; give the marts' checksums."""
    up(bench)
    began = datetime.now(timezone.utc).replace(tzinfo=None)
    bench.land(*files)
    bench.build(*WHAT)
    assert_times_are_utc(bench, began)
    return mart_checksums(bench)


def assert_set_up_as(bench: Bench, settings: Settings) -> None:
    """See to it that the server took the settings; one that it ignores would make the test worthless."""
    with open_cursor(bench.server.admin) as cursor:
        for name, value in settings.items():
            cursor.execute(f"select @@global.{name}")
            ((found,),) = cursor.fetchall()
            if isinstance(value, int):
                assert value <= found <= 2 * value, (name, found)
            else:
                assert sorted(found.split(",")) == sorted(value.split(",")), (name, found)


def assert_times_are_utc(bench: Bench, began: datetime) -> None:
    """See that times were taken in UTC, and are the same to every reader, wherever its session thinks it is."""
    ended = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(seconds=1)
    statements = (
        "select snapshot_created_at from {marts}.shutdown_state_snapshot",
        "select finished_at from {audit}.landing_loads",
    )
    for statement in statements:
        rows = bench.query(statement, role="bi")
        assert rows
        assert all(began - timedelta(seconds=1) <= at <= ended for (at,) in rows), (statement, began, ended, rows)
    # a TIMESTAMP would be shown in each reader's time zone, a DATETIME is what was written
    schemas = tuple(bench.warehouse.schemas.all())
    found = bench.query(
        "select table_name, column_name from information_schema.columns "
        "where data_type = 'timestamp' and table_schema in %s",
        schemas,
        role="dbt",
    )
    assert found == []


@pytest.mark.usefixtures("without_dbt_debug")
@pytest.mark.parametrize("settings", CHANGES)
def test_each_unfriendly_setting_gives_the_same_results(
    server: Server, tmp_path: Path, files: list[Path], friendly: dict[str, str], settings: Settings
) -> None:
    """Prevents figures, keys or times that depend on how somebody's server is set up."""
    bench = empty_place(server, tmp_path, "four_schemas")
    zone = "KST-9" if "time_zone" in settings else ""  # the machine's clock, too
    with ExitStack() as changed:
        changed.enter_context(in_time_zone(zone))
        for name, value in settings.items():
            changed.enter_context(global_setting(bench, name, value))
        assert_set_up_as(bench, settings)
        assert results(bench, files) == friendly
        assert bench.run("doctor").exit_code == 0


@pytest.mark.usefixtures("without_dbt_debug")
@pytest.mark.parametrize("name", STARTS)
def test_servers_that_were_made_otherwise_give_the_same_results(
    server: Server, tmp_path: Path, files: list[Path], friendly: dict[str, str], name: str
) -> None:
    """Prevents figures or names that depend on what a server was started with."""
    settings = STARTS[name]
    with started_with(settings), private_home(server, tmp_path, AFTERSTATE_SCHEMA="Developability") as bench:
        up(bench)
        assert_set_up_as(bench, settings)
        assert results(bench, files) == friendly
        assert bench.run("doctor").exit_code == 0


REFUSED = [
    ("max_allowed_packet", 1 << 20, "long fields do not fit"),
    pytest.param("temptable_max_ram", 2 << 20, "builds fail intermittently", marks=pytest.mark.engines("mysql")),
]


@pytest.mark.parametrize(("variable", "value", "why"), REFUSED)
def test_what_no_session_can_set_is_refused_with_what_to_change(
    server: Server, tmp_path: Path, variable: str, value: int, why: str
) -> None:
    """Prevents a warehouse that comes up and then cannot take its first file; half a warehouse left by the refusal."""
    name = f"refused_{next(server.numbers)}"
    bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=name)
    with global_setting(bench, variable, value):
        refused = bench.run("up")
        assert refused.exit_code == 1, refused.output
        assert variable in refused.output
        assert why in refused.output
        with open_cursor(server.admin) as cursor:
            cursor.execute("select count(*) from information_schema.schemata where schema_name = %s", (name,))
            assert cursor.fetchone() == (0,)
        advice = refused.output[refused.output.index(f"set global {variable}") :]
        as_admin(bench, advice.partition(";")[0])
        up(bench)
