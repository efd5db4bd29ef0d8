"""What the tests of the server share: private homes of their own, their processes, and stand-ins for programs."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil

from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.profile import Credentials, Warehouse, read_warehouse
from tests.bench import Bench, Server

ROLES = ("landing", "dbt", "bi")
AFTERSTATE = Path(sys.executable).parent / "afterstate"


def bench_in(server: Server, home: Path, **environment: str) -> Bench:
    """Return a bench whose home is its own; `environment` adds to what leads there, an empty value takes away."""
    own = Server(server.engine, home, server.program)
    merged = {name: value for name, value in {**own.environment, **environment}.items() if value}
    return Bench(own, merged, home)


@contextmanager
def private_home(server: Server, home: Path, **environment: str) -> Iterator[Bench]:
    """Return a bench with a private server of its own, which ends with the block, at once: nobody reads its data."""
    bench = bench_in(server, home, **environment)
    try:
        yield bench
    finally:
        for process in server_processes(bench):
            process.kill()
            process.wait(30)
        shutil.rmtree(bench.server.private.places.run, ignore_errors=True)


def settle_on_a_quiet_port(bench: Bench) -> None:
    """Let a home that has not started yet begin with a port that no other home asks for while it is down."""
    numbers = random.sample(range(21000, 32000), 200)
    bench.server.home.mkdir(parents=True, exist_ok=True)
    (bench.server.home / "server.yml").write_text(f"port: {next(filter(_is_free, numbers))}\n")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def url_of(server: Server, user: str = "", password: str = "", options: str = "") -> str:
    """Spell a URL for the test server, as its administrator unless an account is named."""
    admin = server.admin
    user, password = (user, password) if user else (admin.username, admin.password)
    return f"mysql://{quote(user, safe='')}:{quote(password, safe='')}@{admin.server}:{admin.port}/{options}"


def up(bench: Bench) -> Warehouse:
    """Run `afterstate up`, which must succeed, and give what it wrote into the profile."""
    result = bench.run("up")
    assert result.exit_code == 0, (result.output, result.exception)
    return read_warehouse(bench.settings)


def start_command(bench: Bench, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `afterstate` as a process of its own."""
    return subprocess.Popen(
        [str(AFTERSTATE), *arguments],
        env={**os.environ, **bench.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def server_processes(bench: Bench) -> list[psutil.Process]:
    """Return every living process that works with the option file of this home."""
    option = f"--defaults-file={bench.server.home / 'server.cnf'}"
    return [process for process in psutil.process_iter() if option in _command_line(process)]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def kill(bench: Bench) -> None:
    """End the private server as a power failure would."""
    (process,) = server_processes(bench)
    process.kill()
    process.wait(30)


def put_rows(bench: Bench, *rows: str) -> None:
    """Keep rows that `kept_rows` must find again."""
    bench.query("create table if not exists `{marts}`.kept (text_kept varchar(64) primary key)", role="dbt")
    for row in rows:
        bench.query("insert into `{marts}`.kept values (%s)", row, role="dbt")


def kept_rows(bench: Bench) -> set[str]:
    """Return the rows of `put_rows`, as BI sees them."""
    return {row for (row,) in bench.query("select text_kept from `{marts}`.kept", role="bi")}


def accounts_of(warehouse: Warehouse) -> list[Credentials]:
    """Return the warehouse's accounts in the order of ROLES."""
    return [getattr(warehouse, role) for role in ROLES]


def fake_program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_server(path: Path, version: str) -> Path:
    """Write a stand-in for a server's program that says its version and can do nothing else."""
    return fake_program(path, f'echo "{path} Ver {version} on x86_64"\ncase "$*" in *--version*) exit 0;; esac\nexit 1')


def as_admin(bench: Bench, *statements: str) -> None:
    """Run statements as the server's administrator."""
    with open_cursor(bench.server.admin) as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def global_setting(bench: Bench, name: str, value: object) -> Iterator[None]:
    """Change a setting of the running server for a while."""
    with open_cursor(bench.server.admin) as cursor:
        cursor.execute(f"select @@global.{name}")
        before = cursor.fetchone()[0]
    as_admin(bench, f"set global {name} = {_literal(value)}")
    try:
        yield
    finally:
        as_admin(bench, f"set global {name} = {_literal(before)}")


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
