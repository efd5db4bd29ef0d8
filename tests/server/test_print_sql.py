"""`afterstate up --print-sql`: run as printed, it gives the form that it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench, Server
from tests.server.helpers import accounts_of, bench_in, global_setting, up, url_of

PASSWORD = "Newcomers-pass-1"  # noqa: S105 (of an account that lives for a test)


@pytest.fixture
def newcomer(server: Server, tmp_path: Path) -> Iterator[Bench]:
    """Return a checkout with the URL of a login that the server does not know yet; clear all of it away."""
    number = next(server.numbers)
    name, database = f"newcomer_{number}", f"Theirs {number}"
    url = url_of(server, name, PASSWORD) + database
    warehouse = f"printed_{number}"
    yield bench_in(server, tmp_path / "home", AFTERSTATE_MYSQL_URL=url, AFTERSTATE_SCHEMA=warehouse)
    run(server, [f"drop user if exists '{name}'@'%'", f"drop user if exists '{warehouse}_reader'@'%'"])
    run(server, [f"drop database if exists `{warehouse}{part}`" for part in ("", "_landing", "_staging", "_audit")])
    run(server, [f"drop database if exists `{database}`"])


def run(server: Server, statements: list[str]) -> None:
    """Run SQL as an administrator would, from a prompt."""
    admin = server.admin
    with pymysql.connect(host=admin.server, port=admin.port, user=admin.username, password=admin.password) as opened:
        for statement in statements:
            opened.cursor().execute(statement)


def printed(bench: Bench) -> dict[str, list[str]]:
    """Return the statements by the first words of what is said of them, with passwords in the placeholders' place."""
    result = bench.run("up", "--print-sql")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert not bench.settings.profiles_path.exists()
    found = {}
    for part in result.output.split("\n\n")[1:]:
        title = re.match(r"-- (\w+( \d)?)", part)
        assert title
        body = "\n".join(line for line in part.splitlines() if not line.startswith("--"))
        found[title[1]] = re.findall(r"[^;]+(?=;)", re.sub(r"<password of \w+>", PASSWORD, body))
    return found


@pytest.mark.parametrize("form", ["Form 1", "Form 2", "Form 3"])
def test_each_form_comes_up_as_printed(server: Server, newcomer: Bench, form: str) -> None:
    """Prevents an administrator from running SQL that fails, grants too little, or gives another form than it says."""
    if form == "Form 1":
        newcomer.environment["AFTERSTATE_SCHEMA"] = ""
    parts = printed(newcomer)
    run(server, parts["The"])
    wanted = {"Form 1": ("Form 1",), "Form 2": ("Form 2",), "Form 3": ("Form 2", "Form 3")}[form]
    run(server, [statement for title in wanted for statement in parts[title]])
    found = up(newcomer)
    assert found.schemas.is_one_database == (form == "Form 1")
    assert found.is_bi_apart == (form == "Form 3")
    assert len({account.username for account in accounts_of(found)}) == (3 if form == "Form 3" else 1)
    newcomer.query("create table {marts}.t (id int)", role="dbt")
    assert newcomer.query("select * from {marts}.t", role="bi") == []
    assert printed_again(newcomer) == parts  # also where the login is known and the server can be asked


def printed_again(bench: Bench) -> dict[str, list[str]]:
    profile = bench.settings.profiles_path
    kept = profile.read_text()
    profile.unlink()
    try:
        return printed(bench)
    finally:
        profile.write_text(kept)


def test_the_readers_login_only_reads(server: Server, newcomer: Bench) -> None:
    """Prevents a login for BI that sees nothing, or changes something."""
    parts = printed(newcomer)
    run(server, [*parts["The"], *parts["Form 2"], *parts["Beside"]])
    found = up(newcomer)
    newcomer.query("create table {marts}.t (id int)", role="dbt")
    reader = f"{found.schemas.marts}_reader"
    with pymysql.connect(
        host=found.bi.server, port=found.bi.port, user=reader, password=PASSWORD, database=found.schemas.marts
    ) as opened:
        assert opened.cursor().execute("select * from t") == 0
        for statement in ("insert into t values (1)", f"select * from {found.table('landing', 'landing_loads')}"):
            with pytest.raises(pymysql.err.OperationalError):
                opened.cursor().execute(statement)


def test_what_makes_landing_faster_is_printed(server: Server, newcomer: Bench) -> None:
    """Prevents an administrator from being asked a second time."""
    with global_setting(Bench(server, server.environment, newcomer.folder), "local_infile", 0):
        run(server, printed(newcomer)["Optional"])
        with open_cursor(server.admin) as cursor:
            cursor.execute("select @@global.local_infile")
            assert cursor.fetchone() == (1,)


def test_a_private_server_needs_no_administrator(server: Server, tmp_path: Path) -> None:
    """Prevents SQL for a server that nobody named."""
    result = bench_in(server, tmp_path).run("up", "--print-sql")
    assert result.exit_code == 2
    assert "AFTERSTATE_MYSQL_URL" in result.output
