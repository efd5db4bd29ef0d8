"""Servers set up for something else: the same results, or a refusal that says what to change.

By default, the settings are tried all at once, on two servers of each engine, since some exclude each other.
AFTERSTATE_LONG_TESTS=1 tries each alone, too, and builds with every test; it takes some minutes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from loaders import doctor
from loaders.connect import cursor
from loaders.server import private
from tests.conftest import ROOT, WITHOUT_TESTS, Bench, Server
from tests.server.helpers import as_admin, bench_in, global_setting, private_home, up
from tests.warehouse.checksums import mart_checksums
from tests.warehouse.generated import THOUSANDS, write_generated

LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
WHAT = () if LONG else WITHOUT_TESTS
# What must be known when the data directory is made.
FROM_THE_START = ("lower_case_table_names",)

Options = dict[str, str]
SETTINGS: dict[str, Options] = {
    "latin1": {"character-set-server": "latin1", "collation-server": "latin1_swedish_ci"},
    "case-blind": {"character-set-server": "utf8mb4", "collation-server": "utf8mb4_general_ci"},
    "no sql_mode": {"sql_mode": "''"},
    "other quotes": {"sql_mode": "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES"},
    "far east": {"default-time-zone": "'+09:00'"},
    "lower-case names": {"lower_case_table_names": "1"},
    "no transactions": {"default_storage_engine": "MyISAM"},
    "small buffers": {
        "sort_buffer_size": "32K",
        "join_buffer_size": "128",
        "read_buffer_size": "8192",
        "tmp_table_size": "1M",
        "max_heap_table_size": "16K",
        "innodb_buffer_pool_size": "6M",
    },
}
OWN_SETTINGS: dict[str, dict[str, Options]] = {
    "mariadb": {"small memory for tables": {"tmp_memory_table_size": "1M"}},
    "mysql": {"keys for all tables": {"sql_require_primary_key": "1"}},
}
ALONE = sorted({*SETTINGS, *(name for settings in OWN_SETTINGS.values() for name in settings)})
TOGETHER = {
    "all at once": tuple(name for name in ALONE if name not in ("case-blind", "other quotes")),
    "all others": ("case-blind", "other quotes"),
}


def options_of(engine: str, names: tuple[str, ...]) -> Options:
    """Give the options of these settings, as far as this engine has them."""
    known = {**SETTINGS, **OWN_SETTINGS[engine]}
    return {option: value for name in names for option, value in known.get(name, {}).items()}


@contextmanager
def set_up_as(options: Options) -> Iterator[None]:
    """Let private servers start with these options, which win over their own."""
    made, initialise = private.option_file, private._initialise_command
    lines = "".join(f"{option} = {value}\n" for option, value in options.items())
    early = [f"--{option}={options[option]}" for option in FROM_THE_START if option in options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "option_file", lambda *arguments: made(*arguments) + lines)
        patch.setattr(private, "_initialise_command", lambda *arguments: [*initialise(*arguments), *early])
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
    """Give what is landed everywhere: the sample, the real example, and keys that only exact servers tell apart."""
    generated = tmp_path_factory.mktemp("generated")
    write_generated(generated, THOUSANDS)
    return [ROOT / "samples" / "core", nand_example, generated]


@pytest.fixture(scope="module")
def friendly(server: Server, files: list[Path]) -> dict[str, str]:
    """Give the marts' checksums on a server that is set up as Afterstate does it."""
    bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=f"friendly_{next(server.numbers)}")
    up(bench)
    bench.land(*files)
    bench.build(*WHAT)
    return mart_checksums(bench)


def try_settings(
    server: Server, home: Path, names: tuple[str, ...], files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Do all the work on a server set up so; give the marts' checksums."""
    options = options_of(server.engine, names)
    if not options:
        pytest.skip(f"{server.engine} has no such setting")
    monkeypatch.setattr(doctor, "run_dbt", lambda *_, **__: 0)  # the build shows that dbt works
    zone = "KST-9" if "default-time-zone" in options else ""  # the machine's clock, too
    with in_time_zone(zone), set_up_as(options), private_home(server, home) as bench:
        up(bench)
        assert_set_up_as(bench, options)
        assert bench.run("doctor").exit_code == 0
        began = datetime.now(timezone.utc).replace(tzinfo=None)
        bench.land(*files)
        bench.build(*WHAT)
        assert_times_are_utc(bench, began)
        return mart_checksums(bench)


def assert_set_up_as(bench: Bench, options: Options) -> None:
    """See to it that the server took the options; one that it ignores would make the test worthless."""
    shown = {"default-time-zone": "time_zone", **{option: option.replace("-", "_") for option in options}}
    shown |= {"default-time-zone": "time_zone"}
    sizes = {"K": 1 << 10, "M": 1 << 20}
    with cursor(bench.server.admin) as ask:
        for option, value in options.items():
            ask.execute(f"select @@global.{shown[option]}")
            found = str(ask.fetchone()[0])
            wanted = value.strip("'")
            if wanted[-1:] in sizes and wanted[:-1].isdigit():
                assert int(found) <= int(wanted[:-1]) * sizes[wanted[-1]] * 2, (option, found)
            else:
                assert sorted(found.split(",")) == sorted(wanted.split(",")), (option, found)


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


@pytest.mark.parametrize("group", TOGETHER)
def test_unfriendly_settings_together_give_the_same_results(
    server: Server,
    tmp_path: Path,
    files: list[Path],
    friendly: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    group: str,
) -> None:
    """Prevents: figures, keys or times that depend on how somebody's server is set up."""
    assert try_settings(server, tmp_path, TOGETHER[group], files, monkeypatch) == friendly


@pytest.mark.skipif(not LONG, reason="takes minutes; AFTERSTATE_LONG_TESTS=1 runs it")
@pytest.mark.parametrize("name", ALONE)
def test_each_unfriendly_setting_alone_gives_the_same_results(
    server: Server,
    tmp_path: Path,
    files: list[Path],
    friendly: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Prevents: one setting hiding what another one does."""
    assert try_settings(server, tmp_path, (name,), files, monkeypatch) == friendly


REFUSED = [
    ("local_infile", 0, "nothing can be landed"),
    ("max_allowed_packet", 1 << 20, "long fields do not fit"),
    ("temptable_max_ram", 2 << 20, "builds fail now and then"),
]


@pytest.mark.parametrize(("variable", "value", "why"), REFUSED, ids=[variable for variable, _, _ in REFUSED])
def test_what_no_session_can_set_is_refused_with_what_to_change(
    server: Server, tmp_path: Path, variable: str, value: int, why: str
) -> None:
    """Prevents: a warehouse that comes up and then cannot take its first file; half a warehouse left by the refusal."""
    if variable == "temptable_max_ram" and server.engine == "mariadb":
        pytest.skip("mariadb has no such setting")
    name = f"refused_{next(server.numbers)}"
    bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=name)
    with global_setting(bench, variable, value):
        refused = bench.run("up")
        assert refused.exit_code == 1, refused.output
        assert variable in refused.output
        assert why in refused.output
        with cursor(server.admin) as ask:
            ask.execute("select count(*) from information_schema.schemata where schema_name = %s", (name,))
            assert ask.fetchone() == (0,)
        advice = refused.output[refused.output.index(f"set global {variable}") :]
        as_admin(bench, advice.partition(";")[0])
        up(bench)
