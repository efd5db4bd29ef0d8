"""No wait without a word: who waits for a lock says for whom, and nobody waits, or lets others wait, for long.

The locks are held by connections of the tests, so that nothing depends on when anything happens.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pymysql
import pytest
from click.testing import Result

import dbt_afterstate
from afterstate.server import private
from afterstate.warehouse import connect as warehouse_connect
from afterstate.warehouse import doctor, holders, server_checks, waiting
from afterstate.warehouse.connect import LOCK_WAIT_SECONDS, SESSION, connect
from afterstate.warehouse.holders import find_holders, who_may_know
from tests.bench import ROOT, Bench, Server
from tests.loaders.helpers import TRACE_KIND, trace
from tests.server.helpers import private_home, up
from tests.warehouse.builders import reading, statements, wait_until
from tests.warehouse.project import Project

MART = "shutdown_snapshot_coverage"
COUNT = "select count(*) from {marts}.shutdown_snapshot_coverage"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's sessions wait for a second where others wait for a minute."""
    for place in (warehouse_connect, dbt_afterstate):
        monkeypatch.setattr(place, "SESSION", SESSION.replace(f"timeout = {LOCK_WAIT_SECONDS}", "timeout = 1"))
    for module in (holders, waiting):
        monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 1)


@pytest.fixture
def built(warehouse: Bench) -> Bench:
    """Return a warehouse with the sample's core marts."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core")
    return warehouse


@contextmanager
def reader_of(bench: Bench, mart: str = MART) -> Iterator[int]:
    """Hold a mart as an idle notebook does; gives the connection's number."""
    with reading(bench.warehouse.bi, f"`{bench.warehouse.schemas.marts}`.{mart}") as number:
        yield number


def failed_build(bench: Bench, capsys: pytest.CaptureFixture[str]) -> str:
    """Build the mart, which must fail, and give what was said."""
    with pytest.raises(AssertionError):
        bench.build_without_tests("--select", MART)
    return capsys.readouterr().out


def test_every_session_waits_for_a_minute_at_most(warehouse: Bench) -> None:
    """Prevents the servers' own timeouts, a day or a year, in the loaders' sessions or in dbt's."""
    limits = "@@session.lock_wait_timeout, @@session.innodb_lock_wait_timeout"
    for role in ("landing", "dbt", "bi"):
        assert warehouse.query(f"select {limits}", role=role) == [(60, 60)]
    project = Project(warehouse)
    first, second = limits.split(", ")
    project.model(f"select {first} as id, {second} as rows_too", {"id": "int", "rows_too": "int"}, materialized="table")
    assert project.run() == ""
    assert project.rows() == [(60, 60)]


@pytest.mark.usefixtures("impatient")
def test_an_idle_reader_stops_a_build_with_a_word_and_nobody_else(
    built: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents one notebook with an open transaction that stops builds, readers and `up` for a day, in silence.

    `bi_hang.sh` and `bi_hang_m.sh` of the adversary.
    """
    monkeypatch.setattr(doctor, "run_dbt", lambda *_, **__: 0)
    monkeypatch.setattr(server_checks, "LONG_IDLE_SECONDS", 0)
    with reader_of(built) as number:
        who = f"connection {number} of `{built.warehouse.bi.username}` from "
        said = failed_build(built, capsys)
        assert "Lock wait timeout exceeded" in said
        assert who in said
        assert f"let it commit or close, or end it (kill {number})" in said
        assert built.query(COUNT, role="bi") == [(1,)]  # who queued behind the build
        assert up(built)
        assert who in built.run("doctor").output
    built.build_without_tests("--select", MART)
    assert who not in built.run("doctor").output


@pytest.mark.usefixtures("built")
def test_a_build_that_has_ended_has_no_connections() -> None:
    """Prevents a reader from going unnamed since a former build, on another server, had a connection of its number."""
    assert not dbt_afterstate.open_connections


def test_while_a_build_waits_its_readers_wait_no_longer(built: Bench) -> None:
    """Prevents a reader behind a waiting build, which is behind an idle one, from waiting for all of a day."""
    with reader_of(built), closing(connect(built.warehouse.dbt)) as builder:
        marts = built.warehouse.schemas.marts
        began = time.monotonic()
        builder.query("set session lock_wait_timeout = 5")
        rename = f"rename table `{marts}`.{MART} to `{marts}`.elsewhere"
        waiting = in_thread(lambda: refused(builder, rename))
        wait_until(lambda: statements(built, "rename table"))
        assert built.query(COUNT, role="bi") == [(1,)]
        waiting()
        assert time.monotonic() - began < 60


def refused(connection: Any, statement: str) -> None:
    with pytest.raises(pymysql.err.OperationalError):
        connection.query(statement)


@pytest.mark.layouts("four_schemas")
def test_what_may_be_known_without_rights(built: Bench) -> None:
    """Prevents a message that names nobody, or somebody who is not to blame, as if it were certain."""
    schemas = built.warehouse.schemas.all()
    rename = f"rename table {MART} to elsewhere"
    with reader_of(built) as number:
        roles = who_may_know(built.settings, built.warehouse)
        assert roles[0].username == "root"
        by_admin = find_holders(roles, schemas, statement=rename)
        assert [holder.connection_id for holder in by_admin.holders] == [number]
        by_roles = find_holders(roles[1:], schemas, statement=rename)
        assert number in [holder.connection_id for holder in by_roles.holders]
        assert not by_roles.is_certain
        may_not = f"`{built.warehouse.dbt.username}` may not see who holds the lock; an administrator can"
        for _ in range(50):  # A connection that has asked and closed is listed for a moment more.
            assert may_not in find_holders([built.warehouse.dbt], schemas, statement=rename).advice


def test_where_the_server_tells_who_holds_it_is_certain(
    server: Server, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents naming whoever happens to have a transaction open, where the server knows who holds the table."""
    plain = private.option_file

    def telling(*arguments: Any) -> str:
        text = plain(*arguments).replace("performance-schema = OFF", "performance-schema = ON")
        return text + "performance-schema-instrument = 'wait/lock/metadata/sql/mdl=ON'\n"

    monkeypatch.setattr(private, "option_file", telling)
    with private_home(server, tmp_path / "home") as bench:
        warehouse = up(bench)
        schema = warehouse.schemas.marts
        bench.query(f"create table `{schema}`.{MART} (id int primary key)", role="dbt")
        bench.query(f"create table `{schema}`.other (id int primary key)", role="dbt")
        with reader_of(bench) as number, reader_of(bench, "other") as other:
            accounts = who_may_know(bench.settings, warehouse)
            held = find_holders(accounts, warehouse.schemas.all(), statement=f"RENAME TABLE `{MART}` to x")
            assert held.is_certain
            assert [holder.connection_id for holder in held.holders] == [number]
            assert f", on `{MART}`" in held.advice
            every = find_holders(accounts, warehouse.schemas.all())
            assert {holder.connection_id for holder in every.holders} == {number, other}


@pytest.mark.usefixtures("impatient")
def test_status_says_for_whom_it_has_waited(warehouse: Bench) -> None:
    """Prevents a `status` that hangs behind a lock, or that ends in an error of the server's alone."""
    with closing(connect(warehouse.server.admin)) as admin:
        admin.query(f"lock tables {warehouse.warehouse.table('landing', 'landing_loads')} write")
        result = warehouse.run("status")
    assert result.exit_code == 1
    assert "Lock wait timeout exceeded" in result.stderr
    assert "can see, the lock is held by" in result.stderr or "may not see who" in result.stderr


@pytest.mark.usefixtures("impatient")
def test_a_landing_that_waits_for_another_says_so(warehouse: Bench) -> None:
    """Prevents an hour of silence behind a loader that lands the same file, or that does not finish with a kind."""
    file = warehouse.write("t.csv", trace([(1, 1)]))
    warehouse.land(file)
    ((sha256,),) = warehouse.query("select content_sha256 from {landing}.landing_loads")
    warehouse.run("withdraw", "1", "--yes")
    same = (
        f"insert into {warehouse.warehouse.table('landing', 'landing_loads')} "
        "(kind, file_path, file_bytes, content_sha256, header, started_at, status) "
        f"values ('{TRACE_KIND}', 'x', 1, '{sha256}', '[]', utc_timestamp(6), 'landed')"
    )
    for word, statement in (("insert into", same), ("get_lock", f"do get_lock('{kind_lock(warehouse)}', 0)")):
        with closing(connect(warehouse.warehouse.landing)) as other:
            other.query(statement)
            landing = in_thread(lambda: warehouse.run("land", file))
            wait_until(lambda word=word: waits(warehouse, word, other.thread_id()))
            other.rollback()
        result: Result = landing()
        assert result.exit_code == 0, result.output
        assert f"{file}: waiting" in result.stderr
        assert f"connection {other.thread_id()} of `{warehouse.warehouse.landing.username}`" in result.stderr
        warehouse.run("withdraw", file, "--yes")


def kind_lock(bench: Bench) -> str:
    return hashlib.sha256(f"{bench.warehouse.schemas.landing}.{TRACE_KIND}".encode()).hexdigest()


def waits(bench: Bench, word: str, other: int) -> bool:
    """Return whether somebody else's statement with this word has been at it for some seconds."""
    found = bench.query("show full processlist")
    return any(word in (row[7] or "").lower() and row[0] != other and row[5] >= 4 for row in found)


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something, and give what waits for its end and returns what came of it."""
    came: list[Any] = []
    thread = threading.Thread(target=lambda: came.append(work()))
    thread.start()

    def end() -> Any:
        thread.join(60)
        return came[0]

    return end
