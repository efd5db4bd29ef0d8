"""A port that listens and says nothing, under dbt: the wait has an end."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from types import SimpleNamespace

import mysql.connector
import pytest

import afterstate.warehouse.connect
import dbt_afterstate
from afterstate.warehouse.connect import SQL_MODE
from tests.bench import Bench


def arguments_of(bench: Bench) -> dict[str, object]:
    """Return what dbt-mysql passes on to its driver."""
    target = bench.warehouse.dbt
    return {
        "user": target.username,
        "passwd": target.password,
        "host": target.server,
        "port": target.port,
        "charset": target.charset,
        "collation": target.collation,
        "buffered": True,
    }


@pytest.fixture
def flags(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the options that dbt would have read from its command line."""
    folder = warehouse.settings.profiles_path.parent
    found = SimpleNamespace(PROFILES_DIR=str(folder), PROFILE=None, TARGET=warehouse.warehouse.schemas.marts)
    monkeypatch.setattr(dbt_afterstate, "get_flags", lambda: found)


@pytest.mark.usefixtures("flags")
def test_dbt_gives_up_on_a_port_that_says_nothing(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents `dbt build` hanging forever at a port where something else listens, without a word."""
    monkeypatch.setattr(afterstate.warehouse.connect, "CONNECT_TIMEOUT_SECONDS", 1)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        arguments = {**arguments_of(warehouse), "port": mute.getsockname()[1]}
        with pytest.raises(mysql.connector.Error, match=r"(?i)timeout|timed out"):
            dbt_afterstate.connect(**arguments)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("flags")
def test_dbt_waits_for_a_slow_statement(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the limit for connecting ending long builds, too."""
    monkeypatch.setattr(afterstate.warehouse.connect, "CONNECT_TIMEOUT_SECONDS", 1)
    with closing(dbt_afterstate.connect(**arguments_of(warehouse))) as opened, closing(opened.cursor()) as cursor:
        cursor.execute("select sleep(1.5)")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.usefixtures("flags")
def test_dbts_sessions_are_set_as_the_loaders_are(warehouse: Bench) -> None:
    """Prevents values cut to fit, or clocks of another zone, because the server's defaults say so."""
    statement = "select @@session.sql_mode, @@session.time_zone, @@session.default_storage_engine"
    with closing(dbt_afterstate.connect(**arguments_of(warehouse))) as opened, closing(opened.cursor()) as cursor:
        cursor.execute(statement)
        ((mode, zone, engine),) = cursor.fetchall()
    assert (set(mode.split(",")), zone, engine) == (set(SQL_MODE.split(",")), "+00:00", "InnoDB")
    for role in ("landing", "dbt", "bi"):
        assert warehouse.query(statement, role=role) == [(mode, zone, engine)]
