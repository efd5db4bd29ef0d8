"""A server of one's own: `AFTERSTATE_MYSQL_URL` names it, and nothing is installed, started or stopped."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

import afterstate.warehouse.connect
from afterstate.server import private, programs
from afterstate.warehouse import doctor
from afterstate.warehouse.connect import connect, open_cursor
from tests.bench import ROOT, Bench, Server, missing
from tests.loaders.proxy import Proxy
from tests.server.helpers import ROLES, accounts_of, bench_in, private_home, settle_on_a_quiet_port, up, url_of


def checkout(server: Server, home: Path, url: str = "", schema: str = "") -> Bench:
    """Return a checkout of its own that names the test server by a URL."""
    return bench_in(
        server,
        home,
        AFTERSTATE_MYSQL_URL=url or url_of(server),
        AFTERSTATE_SCHEMA=schema or f"url_{next(server.numbers)}",
        AFTERSTATE_SERVER_PROGRAM="",
    )


@contextmanager
def account(server: Server, password: str, *grants: str) -> Iterator[str]:
    """Make an account with these grants on the server for a while; give its name."""
    name = f"somebody_{next(server.numbers)}"
    with open_cursor(server.admin) as cursor:
        cursor.execute("create user %s@'%%' identified by %s", (name, password))
        for grant in grants:
            cursor.execute(f"grant {grant} to %s@'%%'", (name,))
    try:
        yield name
    finally:
        with open_cursor(server.admin) as cursor:
            cursor.execute("drop user %s@'%%'", (name,))


def test_nothing_is_installed_started_or_stopped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a second server or an installation beside the named server, and `down` stopping a server of others."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a private server was asked for")

    for module, name in ((programs, "install_by_apt"), (programs, "find_program"), (private.PrivateServer, "start")):
        monkeypatch.setattr(module, name, fail)
    bench = checkout(server, tmp_path / "home")
    found = up(bench)
    assert (found.dbt.server, found.dbt.port) == (server.admin.server, server.admin.port)
    assert {path.name for path in bench.server.home.iterdir()} <= {"profiles.yml", "up.lock"}
    assert bench.query("select count(*) from `{landing}`.landing_loads") == [(0,)]
    assert bench.run("status").exit_code == 0

    down = bench.run("down")
    assert down.exit_code == 0
    assert "not Afterstate's to stop" in down.output
    connect(server.admin).close()


def test_up_again_and_without_the_url_in_the_environment(server: Server, tmp_path: Path) -> None:
    """Prevents commands that need the URL after `up`, though the profile has it all; passwords that change."""
    bench = checkout(server, tmp_path / "home")
    before = up(bench)
    assert up(bench) == before
    later = bench_in(server, tmp_path / "home", AFTERSTATE_SERVER_PROGRAM="")
    assert later.run("status").exit_code == 0
    assert later.warehouse == before
    with open_cursor(server.admin) as cursor:
        cursor.execute("drop user %s@'%%'", (before.bi.username,))
    lost = later.run("up")  # it has no login that could make accounts
    assert lost.exit_code == 1
    assert "AFTERSTATE_MYSQL_URL" in lost.output
    assert up(bench) == before


@pytest.mark.parametrize("has_tables", [False, True])
def test_a_schema_under_a_case_blind_collation(server: Server, tmp_path: Path, has_tables: bool) -> None:
    """Prevents keys that differ by case being one key in a database of the server's default; half a warehouse left."""
    bench = checkout(server, tmp_path / "home")
    name = bench.environment["AFTERSTATE_SCHEMA"]
    blind = {"mysql": "utf8mb4_0900_ai_ci", "mariadb": "utf8mb4_general_ci"}[server.engine]
    with open_cursor(server.admin) as cursor:
        cursor.execute(f"create database `{name}_audit` character set utf8mb4 collate {blind}")
        if has_tables:
            cursor.execute(f"create table `{name}_audit`.theirs (k varchar(9) primary key)")
    result = bench.run("up")
    with open_cursor(server.admin) as cursor:
        cursor.execute("select schema_name from information_schema.schemata")
        found = {schema for (schema,) in cursor.fetchall() if schema.startswith(name)}
        cursor.execute(
            "select default_collation_name from information_schema.schemata where schema_name = %s", (f"{name}_audit",)
        )
        ((collation,),) = cursor.fetchall()
    if has_tables:
        assert result.exit_code == 1
        assert f"{name}_audit" in result.output
        assert blind in result.output
        assert "AFTERSTATE_SCHEMA" in result.output
        assert (found, collation) == ({f"{name}_audit"}, blind)
        assert not bench.settings.profiles_path.exists()
    else:
        assert result.exit_code == 0, result.output
        assert collation == {"mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin"}[server.engine]


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("not a url", "not a URL"),
        ("mysql://user:pw@host:port/", "not a URL"),
        ("mysql://user:pw@:3306/", "a host"),
        ("mysql:///", "a host"),
        ("mysql://host/", "a user"),
        ("postgresql://user:pw@host/", "MySQL or MariaDB"),
        ("mysql://user:pw@host/?ssl_mode=SOMETIMES", "VERIFY_IDENTITY"),
        ("mysql://user:pw@host/?ssl_verify_cert=perhaps", "true or false"),
        ("mysql://user:pw@host/?sslca=x", "ssl_ca"),
        ("mysql://user:pw@host/?ssl_ca=/no/such/file.pem", "/no/such/file.pem"),
        ("mysql://user:pw@host:0/", "has the port 0\n  expected 1 to 65535, or none for 3306"),
        ("mysql://user:pw@host:99999/", "has the port 99999"),
        ("mysql://user:pw@[::1]:70000/", "has the port 70000"),
        ("mysql://user:pw@/?unix_socket=/no/such.sock", "`unix_socket=/no/such.sock`, where no server listens"),
        ("mysql://user:pw@/", "a host"),
    ],
)
def test_a_url_that_cannot_be_used_is_wrong_usage(server: Server, tmp_path: Path, url: str, named: str) -> None:
    """Prevents a typing error in the URL ending in a time-out or a traceback, or being ignored (TLS options!)."""
    result = checkout(server, tmp_path / "home", url).run("up")
    assert result.exit_code == 2, result.output
    assert named in result.output
    assert "AFTERSTATE_MYSQL_URL" in result.output
    assert "pw" not in result.output


def test_a_password_with_any_characters(server: Server, tmp_path: Path) -> None:
    """Prevents passwords that a URL, a YAML file, or a driver's idea of an encoding change on the way."""
    odd = "p@ss:w/o#r?d%&=+ 'x\"`\\1Aa-Größe-한국어-🧬"
    with account(server, odd, "all privileges on *.*") as name:
        bench = checkout(server, tmp_path / "home", url_of(server, name, odd))
        found = up(bench)  # this account may not make others, so that the profile holds its password
        assert {account.password for account in accounts_of(found)} == {odd}
        assert bench.run("doctor").exit_code == 0  # dbt logs in with it, too


@pytest.mark.parametrize("form", [" {}\n", "\n{}", "\t{}\r\n"])
def test_what_stands_around_a_url_is_no_part_of_it(server: Server, tmp_path: Path, form: str) -> None:
    """Prevents a newline from `$(cat url)` naming a database of that name, and a blank making it no URL."""
    result = checkout(server, tmp_path / "home", form.format(url_of(server))).run("up")
    assert result.exit_code == 0, result.output
    assert "left alone" not in result.output


def require_work(bench: Bench, place: str) -> None:
    """Require that loaders and dbt reach the warehouse, and that messages say where it is."""
    up(bench)
    said = bench.run("doctor").stdout  # which asks dbt, too
    assert f"at {place} accepts" in said
    assert said.endswith("no problems found\n"), said
    assert bench.land(ROOT / "samples" / "core")[0]["status"] == "landed"
    assert bench.run("status").stdout.splitlines()[0].endswith(f" at {place}")


@pytest.mark.parametrize("host", ["localhost", ""])
def test_a_unix_socket(server: Server, tmp_path: Path, host: str) -> None:
    """Prevents a server that listens on no port, as on many workstations, being out of reach for one driver."""
    admin, path = server.admin, server.private.places.socket
    port = ":1" if host else ""  # where nobody listens
    account = f"{quote(admin.username)}:{quote(admin.password, safe='')}"
    bench = checkout(server, tmp_path / "home", f"mysql://{account}@{host}{port}/?unix_socket={quote(str(path))}")
    require_work(bench, str(path))
    bench.dbt("run", "--select", "+stg_core__state_trace")  # over connections that dbt opens for a node
    elsewhere = replace(bench, environment={**bench.environment, "AFTERSTATE_MYSQL_URL": url_of(server)})
    refused = elsewhere.run("status")
    assert refused.exit_code == 2
    assert f"belongs to the server {path}, and `AFTERSTATE_MYSQL_URL` names {admin.place}" in refused.stderr


def test_an_ipv6_host(server: Server, tmp_path: Path) -> None:
    """Prevents a host of colons being taken for a port, by a driver or in a message."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        missing("there is no IPv6")
    with Proxy(server.admin.port, host="::1") as relay:
        url = url_of(server).replace(server.admin.place, f"[::1]:{relay.port}")
        require_work(checkout(server, tmp_path / "home", url), f"[::1]:{relay.port}")


def test_a_wrong_password_is_the_urls_to_mend(server: Server, tmp_path: Path) -> None:
    """Prevents people being sent from `up` to `doctor`, and from there back to `up`."""
    result = checkout(server, tmp_path / "home", url_of(server, "nobody", "wrong")).run("up")
    assert result.exit_code == 1
    assert "password in `AFTERSTATE_MYSQL_URL`" in result.output
    assert "doctor" not in result.output


def test_a_server_that_is_not_there_is_the_urls_to_mend(server: Server, tmp_path: Path) -> None:
    """Prevents advice to start the private server, which the URL says not to use."""
    result = checkout(server, tmp_path / "home", "mysql://user:pw@127.0.0.1:1/").run("up")
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.output
    assert "AFTERSTATE_MYSQL_URL" in result.output


def test_a_port_where_something_else_listens_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents waiting forever for the greeting of a web server, which waits for us to speak first."""
    monkeypatch.setattr(afterstate.warehouse.connect, "CONNECT_TIMEOUT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        result = checkout(server, tmp_path / "home", f"mysql://user:pw@127.0.0.1:{port}/").run("up")
    assert result.exit_code == 1
    assert "timed out" in result.output
    assert "AFTERSTATE_MYSQL_URL" in result.output


def test_a_slow_statement_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the time-out for connecting ending long landings, too."""
    monkeypatch.setattr(afterstate.warehouse.connect, "CONNECT_TIMEOUT_SECONDS", 1)
    with open_cursor(server.admin) as cursor:
        cursor.execute("select sleep(1.3)")
        assert cursor.fetchone() == (0,)


def test_an_account_that_may_make_schemas_only_does_all_the_work(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents hosted servers being of no use, and BI silently getting a password that can change everything."""
    schema = f"url_{next(server.numbers)}"
    grants = [f"all privileges on `{schema}{part}`.*" for part in ("", r"\_landing", r"\_staging", r"\_audit")]
    with account(server, "Some-pass-1", *(grant.replace("url_", r"url\_") for grant in grants)) as name:
        bench = checkout(server, tmp_path / "home", url_of(server, name, "Some-pass-1"), schema)
        result = bench.run("up")
        assert result.exit_code == 0, result.output
        assert "may not make accounts" in result.output
        for said in (result.output, bench.settings.profiles_path.read_text()):
            assert "change everything" in said
            assert not re.search("read-only|reads only", said)
        assert {account.username for account in accounts_of(bench.warehouse)} == {name}
        bench.query("create table `{marts}`.t (id int)", role="dbt")
        monkeypatch.setattr(doctor, "run_dbt", lambda *_, **__: 0)
        examined = bench.run("doctor")
        assert examined.exit_code == 0, examined.output
        assert "note  one account does all the work" in examined.output


def test_an_account_that_may_do_nothing_is_told_what_it_needs(server: Server, tmp_path: Path) -> None:
    """Prevents the server's bare "access denied", without what to ask the administrator for."""
    with account(server, "Some-pass-1") as name:
        bench = checkout(server, tmp_path / "home", url_of(server, name, "Some-pass-1"))
        result = bench.run("up")
        assert result.exit_code == 1
        assert f"schema `{bench.environment['AFTERSTATE_SCHEMA']}`" in result.output
        assert f"to '{name}'@'%'" in result.output
        assert "--print-sql" in result.output
        assert not bench.settings.profiles_path.exists()


def test_two_checkouts_do_not_change_each_others_passwords(server: Server, tmp_path: Path) -> None:
    """Prevents a colleague's `up` on the shared server locking everybody else out."""
    schema = f"url_{next(server.numbers)}"
    mine, theirs = (checkout(server, tmp_path / name, schema=schema) for name in ("mine", "theirs"))
    before = up(mine)
    with closing(connect(before.bi)):
        their_warehouse = up(theirs)
        names = {account.username for found in (before, their_warehouse) for account in accounts_of(found)}
        assert len(names) == 2 * len(ROLES)
        for account in accounts_of(before):
            connect(account).close()
    mine.query("create table `{marts}`.shared (id int)", role="dbt")
    assert theirs.query("select count(*) from `{marts}`.shared", role="bi") == [(0,)]


@pytest.mark.parametrize("command", [["status"], ["land", "."], ["build"]])
def test_a_profile_of_another_server_is_not_used(server: Server, tmp_path: Path, command: list[str]) -> None:
    """Prevents landing into the private server while the environment names the shared one."""
    bench = checkout(server, tmp_path / "home")
    up(bench)
    elsewhere = bench_in(
        server, tmp_path / "home", AFTERSTATE_MYSQL_URL="mysql://user:pw@db.example:3307/", AFTERSTATE_SERVER_PROGRAM=""
    )
    result = elsewhere.run(*command)
    assert result.exit_code == 2, result.output
    assert "db.example:3307" in result.output
    assert "afterstate up" in result.output


def test_up_replaces_no_server_unasked(server: Server, tmp_path: Path) -> None:
    """Prevents one command in the wrong shell making a full warehouse look empty, whichever server it was on."""
    bench = checkout(server, tmp_path / "home")
    before = up(bench)
    with socket.create_server(("127.0.0.1", 0)) as other:
        elsewhere = bench_in(
            server, tmp_path / "home", AFTERSTATE_MYSQL_URL=f"mysql://user:pw@127.0.0.1:{other.getsockname()[1]}/"
        ).run("up")
    assert elsewhere.exit_code == 2, elsewhere.output
    assert f"127.0.0.1:{before.dbt.port}" in elsewhere.output
    assert "up --replace" in elsewhere.output
    assert "AFTERSTATE_HOME" in elsewhere.output
    assert bench.warehouse == before


def test_up_replaces_a_server_when_told_to(server: Server, tmp_path: Path) -> None:
    """Prevents a profile that can never be used for another server, or then holds outputs of both."""
    home = tmp_path / "home"
    bench = checkout(server, home, schema="url_replaced")
    up(bench)
    with private_home(server, home) as private:
        settle_on_a_quiet_port(private)
        looked_after = private.run("up")
        assert looked_after.exit_code == 0
        assert "belongs to the server" in looked_after.output
        assert not private.server.private.exists()
        replaced = private.run("up", "--replace")
        assert replaced.exit_code == 0, replaced.output
        assert private.warehouse.dbt.port != server.admin.port
        assert "url_replaced_bi" not in private.settings.profiles_path.read_text() or private.warehouse.dbt.is_private
        refused = bench.run("up")
        assert refused.exit_code == 2
        assert bench.run("up", "--replace").exit_code == 0
        assert bench.warehouse.dbt.port == server.admin.port
