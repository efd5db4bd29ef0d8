"""The private server: one at a time, over the same data, whatever happened to it before.

`own` is one server that the tests stop, kill and break; each test begins with `up`, which must heal what the last left.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

import psutil
import pymysql
import pytest
import yaml

import afterstate.warehouse.connect
from afterstate.errors import ServerError
from afterstate.server import config, private
from afterstate.server.config import ServerPaths, memory_bytes, option_file
from afterstate.server.log import FORMER_BYTES, begin_log, former
from afterstate.server.private import SOCKET_PATH_BYTES
from afterstate.server.programs import find_program
from afterstate.warehouse.connect import connect
from afterstate.warehouse.engines import PRODUCTS, Engine
from tests.bench import Bench, Server
from tests.server.helpers import (
    accounts_of,
    bench_in,
    fake_server,
    kept_rows,
    kill,
    private_home,
    put_rows,
    server_processes,
    settle_on_a_quiet_port,
    start_command,
    up,
)

GIB = 1 << 30
MIB = 1 << 20


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a private server of this module's own, with a few rows in it."""
    with private_home(server, tmp_path_factory.mktemp("own")) as bench:
        settle_on_a_quiet_port(bench)
        up(bench)
        put_rows(bench, "first")
        yield bench
    shutil.rmtree(bench.server.home, ignore_errors=True)


# --- start, stop, status


def test_data_port_and_passwords_survive_a_restart(own: Bench) -> None:
    """Prevents BI tools and people having to learn a new port, or rows being gone, after a reboot."""
    before = up(own)
    assert own.run("status").exit_code == 0

    assert own.run("down").exit_code == 0
    assert server_processes(own) == []
    stopped = own.run("status")
    assert stopped.exit_code == 1
    assert "afterstate up" in stopped.output
    again = own.run("down")
    assert again.exit_code == 0
    assert "not running" in again.output

    assert up(own) == before
    assert kept_rows(own) == {"first"}


def test_up_on_a_running_server_leaves_it_alone(own: Bench) -> None:
    """Prevents a second `up` restarting the server under the feet of those who work with it."""
    before = up(own)
    (process,) = server_processes(own)
    assert up(own) == before
    assert [found.pid for found in server_processes(own)] == [process.pid]


def test_two_ups_at_once_for_two_warehouses_keep_both(own: Bench) -> None:
    """Prevents one `up` writing a profile that it read before the other added its warehouse."""
    up(own)
    names = ("left_one", "right_one")
    commands = [start_command(own, "up", AFTERSTATE_SCHEMA=name) for name in names]
    outputs = [command.communicate(timeout=120)[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0], outputs
    profile = yaml.safe_load(own.settings.profiles_path.read_text(encoding="utf-8"))
    assert {"afterstate", *names} <= set(profile["afterstate"]["outputs"])
    up(bench_in(own.server, own.server.home, AFTERSTATE_SCHEMA="afterstate"))  # again the default target


def test_a_killed_server_starts_again_over_its_data(own: Bench) -> None:
    """Prevents a left-over pid file or lock keeping the server down for good after a power failure."""
    before = up(own)
    kill(own)
    status = own.run("status")
    assert status.exit_code == 1
    assert "not running" in status.output
    assert up(own) == before
    assert kept_rows(own) == {"first"}


def test_another_server_on_its_port(own: Bench, server: Server) -> None:
    """Prevents a refused account from being looked for where the server that knows it does not run."""
    up(own)
    kill(own)
    before, taken = own.server.admin.port, server.admin.port
    for file in (own.settings.profiles_path, own.server.home / "server.yml"):  # where another one listens by now
        file.write_text(file.read_text().replace(f"port: {before}", f"port: {taken}"))
    for command in (["land", own.write("x.csv", "a\n1\n")], ["doctor"]):
        refused = own.run(*command)
        assert refused.exit_code == 1
        assert f"the private server is not running, and another server answers on its port, {taken}" in refused.output
        assert "`afterstate up` starts it again" in refused.output
        assert "refused the account" not in refused.output
    up(own)
    assert own.server.admin.port != taken
    assert kept_rows(own) == {"first"}


def test_the_log_of_a_crash_is_kept(own: Bench) -> None:
    """Prevents the reason of a crash being gone with the start that follows it, and nobody being told where it is."""
    up(own)
    log = own.server.private.places.log
    with log.open("a") as text:
        text.write("[ERROR] why it crashed\n")
    kill(own)
    said = own.run("up")
    assert said.exit_code == 0
    assert f"ended without being stopped; `{log}.1` may say why" in said.output
    assert "why it crashed" in former(log).read_text()
    assert "why it crashed" not in log.read_text()
    own.run("down")
    assert "without being stopped" not in own.run("up").output
    assert "why it crashed" in former(log, 2).read_text()


def test_former_logs_are_few_and_short(tmp_path: Path) -> None:
    """Prevents logs that fill the disk, and a log whose end, which says why, is what is cut off."""
    log = tmp_path / "server.log"
    begin_log(log)
    assert list(tmp_path.iterdir()) == []
    for number in range(6):
        log.write_bytes(b"x" * FORMER_BYTES + f"end {number}".encode())
        begin_log(log)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: len(text) for name, text in kept.items()} == dict.fromkeys(
        ["server.log.1", "server.log.2", "server.log.3"], FORMER_BYTES
    )
    assert [kept[f"server.log.{number}"][-5:] for number in (1, 2, 3)] == [b"end 5", b"end 4", b"end 3"]


def test_a_long_temporary_folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a server that cannot start, and does not say why, where home and TMPDIR are too long for a socket."""
    deep = tmp_path.joinpath(*["a-rather-long-name-for-a-folder"] * 6)
    (deep / "tmp").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep / "tmp"))
    with private_home(server, deep / "home") as bench:
        up(bench)
        places = bench.server.private.places
        assert places.socket.exists()
        assert len(os.fsencode(places.socket)) <= SOCKET_PATH_BYTES
        bench.run("down")
        assert not places.run.exists()


def test_a_pid_that_now_belongs_to_another_process_is_not_the_server(own: Bench) -> None:
    """Prevents `down` ending a stranger's process, and `up` taking it for the server."""
    up(own)
    pid_file, socket_lock = own.server.private.places.pid, own.server.private.places.socket_lock
    kill(own)
    with subprocess.Popen(["sleep", "300"]) as stranger:
        try:
            pid_file.write_text(f"{stranger.pid}\n")
            socket_lock.write_text(f"{stranger.pid}\n")
            assert own.run("status").exit_code == 1
            assert "not running" in own.run("down").output
            assert stranger.poll() is None
            pid_file.write_text(f"{stranger.pid}\n")
            up(own)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert kept_rows(own) == {"first"}


def test_a_taken_port_is_changed_and_the_profile_follows(own: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents no server, or a profile of somebody else's, when the port is taken at the last moment."""
    beside = bench_in(own.server, own.server.home, AFTERSTATE_SCHEMA="beside")
    up(beside)
    before = up(bench_in(own.server, own.server.home, AFTERSTATE_SCHEMA="afterstate"))  # again the default target
    own.run("down")
    look = private._free_port
    answers = chain([lambda wanted: before.dbt.port], repeat(look))
    monkeypatch.setattr(private, "_free_port", lambda wanted: next(answers)(wanted))
    monkeypatch.setattr(afterstate.warehouse.connect, "CONNECT_TIMEOUT_SECONDS", 1)  # nobody speaks at the taken port
    with socket.create_server(("127.0.0.1", before.dbt.port)):
        after = up(own)
        assert after.dbt.port != before.dbt.port
        assert {account.port for account in accounts_of(after)} == {after.dbt.port}
        assert [account.password for account in accounts_of(after)] == [
            account.password for account in accounts_of(before)
        ]
        assert kept_rows(own) == {"first"}
        assert {account.port for account in accounts_of(beside.warehouse)} == {after.dbt.port}
        assert beside.run("status").exit_code == 0
    own.run("down")
    settle_on_a_quiet_port(own)


def test_interrupting_up_while_the_server_starts_leaves_it_to_the_next_up(own: Bench) -> None:
    """Prevents Ctrl-C at the wrong moment leaving the admin's password in start.sql, or a server nobody can enter."""
    own.run("down")
    command = start_command(own, "up")
    while not (own.server.home / "start.sql").exists() and command.poll() is None:
        pass
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    up(own)
    assert len(server_processes(own)) == 1
    assert not (own.server.home / "start.sql").exists()
    assert kept_rows(own) == {"first"}


# --- places


def test_a_home_with_blanks_quotes_hashes_and_letters_of_the_world(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Prevents paths cut at a `#`, a quote or a blank, and half a data directory being taken for a whole one."""
    around = tmp_path_factory.mktemp("odd")
    home = around / """it's "a" #1\\, ö 한"""
    (home / "data.draft" / "mysql").mkdir(parents=True)
    (home / "data.draft" / "ibdata1").write_bytes(b"half of it")
    with private_home(server, home) as bench:
        up(bench)
        put_rows(bench, "here")
        assert kept_rows(bench) == {"here"}
        assert bench.run("status").exit_code == 0
        assert bench.server.private.places.socket.exists()
        assert (home / "data" / "mysql").is_dir()
        assert not (home / "data.draft").exists()
    assert [path.name for path in around.iterdir()] == [home.name]


def test_two_ups_at_once_in_a_new_home_too_long_for_a_socket(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents two servers over one data directory, and a server that cannot start below a deep path.

    Also when the socket's folder, outside of the home, was tidied away, or TMPDIR differs between two shells.
    """
    home = tmp_path.joinpath(*["a-rather-long-name-for-a-folder"] * 6)
    with private_home(server, home) as bench:
        commands = [start_command(bench, "up") for _ in range(2)]
        outputs = [command.communicate(timeout=120)[0] for command in commands]
        assert [command.returncode for command in commands] == [0, 0], outputs
        (process,) = server_processes(bench)
        for account in accounts_of(bench.warehouse):
            connect(account).close()

        places = bench.server.private.places
        assert len(os.fsencode(home)) > SOCKET_PATH_BYTES
        assert len(os.fsencode(places.socket)) <= SOCKET_PATH_BYTES
        assert places.socket.exists()
        shutil.rmtree(places.run)
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
        assert bench.run("status").exit_code == 0
        up(bench)
        assert server_processes(bench) == [process]
        bench.run("down")
        assert server_processes(bench) == []
        assert not bench.server.private.places.run.exists()


def test_only_loopback_is_listened_on(own: Bench) -> None:
    """Prevents a private server that the whole network can reach."""
    up(own)
    (process,) = server_processes(own)
    listening = [place for place in process.net_connections("inet") if place.status == psutil.CONN_LISTEN]
    assert {place.laddr.ip for place in listening} == {"127.0.0.1"}
    assert {place.laddr.port for place in listening} == {own.warehouse.dbt.port}


# --- the data belong to one engine


def test_data_of_one_engine_are_refused_by_the_others_program(own: Bench, tmp_path: Path) -> None:
    """Prevents one engine's server wrecking the other's files when PATH has changed, also when server.yml is lost."""
    own.run("down")
    version = {"mariadb": "9.7.4 for Linux", "mysql": "10.11.19-MariaDB for Linux"}[own.server.engine]
    other = fake_server(tmp_path / "mysqld", version)
    bench = bench_in(own.server, own.server.home, AFTERSTATE_SERVER_PROGRAM=str(other))
    data = own.server.home / "data"
    before = {file: file.stat().st_mtime_ns for file in data.rglob("*")}
    state = own.server.home / "server.yml"
    text = state.read_text()
    for is_lost in (False, True):
        if is_lost:
            state.unlink()
        refused = bench.run("up")
        assert refused.exit_code == 1
        assert "AFTERSTATE_SERVER_PROGRAM" in refused.output
        assert f"made by {PRODUCTS[own.server.engine]}" in refused.output
    state.write_text(text)
    assert {file: file.stat().st_mtime_ns for file in data.rglob("*")} == before


@pytest.mark.parametrize("version", ["5.7.44 for Linux", "8.0.40 for Linux", "10.5.1-MariaDB"])
def test_an_unsupported_program_is_refused_with_the_reason(tmp_path: Path, version: str) -> None:
    """Prevents an error about SQL that the old server does not know, long after `up`."""
    program = fake_server(tmp_path / "mysqld", version)
    with pytest.raises(ServerError) as refusal:
        find_program(program)
    assert version.split("-")[0].split(" ")[0] in refusal.value.what
    assert "MySQL 8.4" in refusal.value.hint
    assert "MariaDB 10.11" in refusal.value.hint


def test_a_program_that_is_no_server_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Prevents a traceback when AFTERSTATE_SERVER_PROGRAM names nothing, or not a server."""
    for program in (tmp_path / "missing", Path("/bin/true")):
        with pytest.raises(ServerError) as refusal:
            find_program(program)
        assert refusal.value.hint, refusal.value


def test_a_program_that_does_not_start_is_reported_and_leaves_no_password(own: Bench, tmp_path: Path) -> None:
    """Prevents start.sql with the admin's password staying behind, and "did not start" without a reason."""
    own.run("down")
    version = {"mysql": "9.7.4 for Linux", "mariadb": "10.11.19-MariaDB for Linux"}[own.server.engine]
    broken = fake_server(tmp_path / "mysqld", version)
    failed = bench_in(own.server, own.server.home, AFTERSTATE_SERVER_PROGRAM=str(broken)).run("up")
    assert failed.exit_code == 1
    assert "did not start" in failed.output
    assert str(own.server.private.places.log) in failed.output
    assert not (own.server.home / "start.sql").exists()
    up(own)
    assert kept_rows(own) == {"first"}


# --- accounts, passwords, files


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
def test_a_lost_password_file_heals(own: Bench, is_running: bool) -> None:
    """Prevents data that nobody can reach any more because one small file was removed."""
    before = up(own)
    if not is_running:
        own.run("down")
    (own.server.home / "server.yml").unlink()
    after = up(own)
    assert len(server_processes(own)) == 1
    assert [account.password for account in accounts_of(after)] == [account.password for account in accounts_of(before)]
    assert kept_rows(own) == {"first"}


def test_every_account_has_a_name_and_a_password(own: Bench) -> None:
    """Prevents whoever has an account on this machine being the server's administrator."""
    warehouse = up(own)
    admin = own.server.admin
    opened = pymysql.connect(host=admin.server, port=admin.port, user=admin.username, password=admin.password)
    with opened, opened.cursor() as cursor:
        cursor.execute("select user, host from mysql.user where user = '' or host not in ('%', 'localhost')")
        assert cursor.fetchall() == ()
        cursor.execute("select distinct user from mysql.user")
        names = {name for (name,) in cursor.fetchall()}
    assert {admin.username, *(account.username for account in accounts_of(warehouse))} <= names
    for name in [*names, "", "mysql", "nobody"]:
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(host=admin.server, port=admin.port, user=name, password="")
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(unix_socket=str(own.server.private.places.socket), user=name, password="")


def test_passwords_are_in_two_files_for_their_owner_only(own: Bench) -> None:
    """Prevents passwords in `ps`, in logs, in dbt's target folder, or in files that other users can read."""
    own.run("down")
    own.environment["DBT_LOG_LEVEL_FILE"] = "debug"  # each statement
    before = os.umask(0)
    try:
        seen = watched(own, "up") | watched(own, "build", "--select", "resource_type:seed")
    finally:
        os.umask(before)
    (process,) = server_processes(own)
    seen |= {*process.cmdline(), *process.environ().values()}
    home = own.server.home
    assert (home / "logs" / "dbt.log").is_file()
    assert (home / "target" / "manifest.json").is_file()
    passwords = [own.server.admin.password, *(account.password for account in accounts_of(own.warehouse))]
    texts = {"a command line": "\0".join(seen)}
    for file in files_of(home):
        if file.name not in ("profiles.yml", "server.yml"):
            texts[str(file)] = file.read_bytes().decode("utf-8", errors="replace")
    assert [place for place, text in texts.items() if any(password in text for password in passwords)] == []
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files_of(home)}
    assert {modes[name] for name in ("profiles.yml", "server.yml", "server.cnf")} == {0o600}
    assert "start.sql" not in modes
    assert not [path for path in home.iterdir() if path.name.startswith(".profiles")]


def watched(bench: Bench, *arguments: str) -> set[str]:
    """Run a command and give every argument that it and its children were seen with."""
    command = start_command(bench, *arguments)
    seen: set[str] = set()
    while command.poll() is None:
        with suppress(psutil.Error):
            for process in [psutil.Process(command.pid), *psutil.Process(command.pid).children(recursive=True)]:
                seen.update(process.cmdline())
        time.sleep(0.02)
    output, _ = command.communicate()
    assert command.returncode == 0, output
    return seen


def files_of(home: Path) -> Iterator[Path]:
    """Return the files of a home that are not the server's own data."""
    yield from (path for path in home.rglob("*") if path.is_file() and home / "data" not in path.parents)


# --- what it is set to


def test_charset_collation_clock_and_local_infile(own: Bench) -> None:
    """Prevents keys that differ by case, accent or a trailing blank being one key; times off by an hour; no landing."""
    up(own)
    exact = {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}[own.server.engine]
    ((charset, collation, zone, infile),) = own.query(
        "select @@global.character_set_server, @@global.collation_server, @@global.time_zone, @@global.local_infile"
    )
    assert (charset, collation, zone, infile) == ("utf8mb4", exact, "+00:00", 1)
    schemas = own.warehouse.schemas.all()
    found = {
        name: (charset, collation)
        for role in ("dbt", "landing")
        for name, charset, collation in own.query(
            "select schema_name, default_character_set_name, default_collation_name from information_schema.schemata",
            role=role,
        )
    }
    assert {name: found[name] for name in schemas} == dict.fromkeys(schemas, ("utf8mb4", exact))
    letters = ("antibody_C", "antibody_c", "antibody_Ç", "antibody_C ", "항체_C", "🧬")
    own.query("create table `{marts}`.letters (k varchar(64) primary key)", role="dbt")
    for letter in letters:
        own.query("insert into `{marts}`.letters values (%s)", letter, role="dbt")
    assert {row for (row,) in own.query("select k from `{marts}`.letters", role="bi")} == set(letters)
    own.query("drop table `{marts}`.letters", role="dbt")


def buffers(engine: str, memory: int) -> dict[str, int]:
    """Return the sizes in an option file, in MiB."""
    places = ServerPaths(Path("/home"), Path("/home/run"))
    text = option_file(Engine(engine, (99, 0, 0)), places, 33060, memory)
    pairs = [line.split(" = ") for line in text.splitlines() if " = " in line]
    return {name: int(value) // MIB for name, value in pairs if value.isdigit() and int(value) >= MIB}


@pytest.mark.parametrize(
    ("gib", "pool", "sort", "redo"), [(1, 170, 21, 128), (8, 1365, 170, 512), (64, 4096, 512, 1024)]
)
def test_buffers_follow_the_memory(gib: int, pool: int, sort: int, redo: int) -> None:
    """Prevents windows over millions of rows sorting in tiny passes, and a small machine being driven into swap."""
    mysql, mariadb = buffers("mysql", gib * GIB), buffers("mariadb", gib * GIB)
    for sizes in (mysql, mariadb):
        assert (sizes["innodb_buffer_pool_size"], sizes["sort_buffer_size"]) == (pool, sort)
        assert sizes["tmp_table_size"] == sizes["max_heap_table_size"]
        # The pool and the buffers of a session that sorts, joins and keeps a temporary table.
        assert sum(sizes[name] for name in ("sort_buffer_size", "join_buffer_size", "tmp_table_size")) + pool < (
            gib * 1024 / 2
        )
    assert mysql["innodb_redo_log_capacity"] == redo
    assert mysql["temptable_max_ram"] + mysql["innodb_buffer_pool_size"] < gib * 1024 / 2


def test_a_containers_limit_counts_as_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a server sized for the host being killed inside a small container."""
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(config, "CGROUP_LIMITS", (limit,))
    whole = memory_bytes()
    limit.write_text("max\n")
    assert memory_bytes() == whole
    limit.write_text(f"{MIB * 512}\n")
    assert memory_bytes() == MIB * 512
