"""The three accounts, tried on the real server: each can do its work, and nothing else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pymysql
import pytest
import sqlalchemy

from afterstate.warehouse.accounts import (
    USER_NAME_CHARACTERS,
    account_name,
    compare_rights,
    grant_pattern,
    new_password,
)
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.layout import SCHEMA_NAME_CHARACTERS
from afterstate.warehouse.profile import read_warehouse
from tests.bench import ROOT, Bench, Server
from tests.server.helpers import ROLES, accounts_of, as_admin, bench_in, up, url_of

# (what the account does, whether it may); the tables `{marts}.t`, `{staging}.t` and `{audit}.t` are there.
# an account each for landing, dbt and BI
pytestmark = pytest.mark.layouts("four_schemas")
BI = [
    ("select * from `{marts}`.t", True),
    ("select * from `{audit}`.t", True),
    ("show create table `{marts}`.t", True),
    ("select * from `{landing}`.landing_loads", False),
    ("select * from `{staging}`.t", False),
    ("insert into `{marts}`.t values (1)", False),
    ("update `{marts}`.t set id = 1", False),
    ("delete from `{marts}`.t", False),
    ("truncate table `{marts}`.t", False),
    ("drop table `{marts}`.t", False),
    ("alter table `{marts}`.t add column other int", False),
    ("create table `{marts}`.other (id int)", False),
    ("create temporary table `{marts}`.other (id int)", False),
    ("create view `{marts}`.other as select 1 as one", False),
    ("create table `{audit}`.other (id int)", False),
    ("insert into `{audit}`.t values (1)", False),
    ("drop database `{marts}`", False),
]
DBT = [
    ("select * from `{landing}`.landing_loads", True),
    ("create or replace view `{staging}`.v as select * from `{landing}`.landing_loads", True),
    ("create table `{marts}`.other (id int primary key)", True),
    ("rename table `{marts}`.other to `{marts}`.another", True),
    ("drop table `{marts}`.another", True),
    ("create or replace view `{audit}`.v as select * from `{landing}`.landing_loads", True),
    ("insert into `{marts}`.t values (2)", True),
    ("insert into `{landing}`.landing_loads (load_id) values (1)", False),
    ("update `{landing}`.landing_loads set rows_read = 0", False),
    ("delete from `{landing}`.landing_loads", False),
    ("truncate table `{landing}`.landing_loads", False),
    ("drop table `{landing}`.landing_loads", False),
    ("alter table `{landing}`.landing_loads add column other int", False),
    ("create table `{landing}`.other (id int)", False),
]
LANDING = [
    ("create table `{landing}`.other (id int)", True),
    ("insert into `{landing}`.other values (1)", True),
    ("update `{landing}`.other set id = 2", True),
    ("delete from `{landing}`.other", True),
    ("alter table `{landing}`.other add column name text", True),
    ("drop table `{landing}`.other", True),
    ("select * from `{landing}`.landing_loads", True),
    ("select * from `{marts}`.t", False),
    ("insert into `{marts}`.t values (1)", False),
    ("create table `{marts}`.other (id int)", False),
    ("drop table `{marts}`.t", False),
    ("select * from `{staging}`.t", False),
    ("create view `{staging}`.other as select 1 as one", False),
    ("select * from `{audit}`.t", False),
]
# What none of them may.
SERVER = [
    ("create database surely_not", False),
    ("create user surely_not identified by 'Surely-not-1'", False),
    ("set global max_connections = 1", False),
    ("select * from mysql.user", False),
    ("select load_file('/etc/hostname') is not null and 1 / 0", None),
    ("select 1 into outfile '/tmp/surely_not'", False),
    ("flush tables", False),
]
REFUSALS = (1044, 1045, 1142, 1143, 1227, 1290, 1370)


@pytest.fixture
def tables(warehouse: Bench) -> Bench:
    """Return a warehouse with a table in each schema that dbt builds."""
    for schema in ("marts", "staging", "audit"):
        warehouse.query(f"create table `{{{schema}}}`.t (id int primary key)", role="dbt")
    return warehouse


@pytest.mark.parametrize(("role", "deeds"), [("bi", BI), ("dbt", DBT), ("landing", LANDING)])
def test_each_account_can_do_its_work_and_nothing_else(tables: Bench, role: str, deeds: list[tuple[str, bool]]) -> None:
    """Prevents a BI tool that changes what is remembered or sees raw data; models and loaders out of their layers."""
    astonishing = []
    for statement, may in [*deeds, *SERVER]:
        try:
            tables.query(statement, role=role)
            could = True
        except pymysql.MySQLError as error:
            assert error.args[0] in REFUSALS, (statement, error)
            could = False
        if may is not None and could != may:
            astonishing.append((statement, "could" if could else "could not"))
    assert astonishing == []


def test_files_of_the_servers_machine_are_out_of_reach(warehouse: Bench) -> None:
    """Prevents reading /etc/passwd, or the passwords beside the data, through SQL."""
    for role in ROLES:
        assert warehouse.query("select load_file(%s)", "/etc/hostname", role=role) == [(None,)]


def test_a_schema_whose_name_the_underscore_would_match_is_not_reachable(warehouse: Bench) -> None:
    """Prevents GRANT's wildcard `_` giving the accounts of `a_b` the schema `axb` of somebody else."""
    schemas = warehouse.warehouse.schemas
    lookalikes = {schema.replace("_", "x") for schema in schemas.all()}
    lookalikes |= {f"{schemas.marts}x{part}" for part in ("landing", "staging", "audit")}
    assert not lookalikes & set(schemas.all())
    with open_cursor(warehouse.server.admin) as cursor:
        for name in lookalikes:
            cursor.execute(f"create database `{name}`")
            cursor.execute(f"create table `{name}`.secret (id int)")
    try:
        for name in lookalikes:
            for role in ROLES:
                with pytest.raises(pymysql.err.OperationalError) as refusal:
                    warehouse.query(f"select * from `{name}`.secret", role=role)
                assert refusal.value.args[0] in REFUSALS
    finally:
        with open_cursor(warehouse.server.admin) as cursor:
            for name in lookalikes:
                cursor.execute(f"drop database `{name}`")


def test_the_longest_schema_names_have_accounts_of_their_own(server: Server, warehouse: Bench) -> None:
    """Prevents account names that are too long or shared, and schema names that are too long for GRANT.

    An account's name has at most 32 characters; a schema's 64, where GRANT writes each `_` as two.
    """
    number = next(server.numbers)
    names = [f"warehouse{number:03}".ljust(54, "z") + "y", f"a_warehouse_{number:03}".ljust(53, "z")]
    assert {len(name) + name.count("_") for name in names} == {SCHEMA_NAME_CHARACTERS}
    users = set()
    for name in names:
        bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=name)
        found = up(bench)
        assert found.schemas.landing == f"{name}_landing"
        bench.query("select count(*) from `{landing}`.landing_loads")
        users |= {account.username for account in accounts_of(found)}
    assert len(users) == len(names) * len(ROLES)
    assert max(map(len, users)) <= USER_NAME_CHARACTERS
    for name in ("z" * 56, "z_" * 19):
        refused = bench_in(server, server.home, AFTERSTATE_SCHEMA=name).run("up")
        assert refused.exit_code == 2
        assert str(SCHEMA_NAME_CHARACTERS) in refused.output


@pytest.mark.parametrize("schema", ["a", "a" * 20, "a" * 55, "a" + "_b" * 18])
@pytest.mark.parametrize("mark", ["", "f00d42"])
def test_account_names_fit_and_differ(schema: str, mark: str) -> None:
    """Prevents two roles, warehouses or checkouts sharing an account, and with it its rights."""
    names = {account_name(schema, role, mark) for role in ROLES} | {account_name(f"{schema}z", "bi", mark)}
    assert len(names) == len(ROLES) + 1
    assert max(map(len, names)) <= USER_NAME_CHARACTERS


def test_passwords_are_long_random_and_please_password_policies() -> None:
    """Prevents `up` failing on a server with a password policy, or passwords that can be guessed."""
    password = new_password()
    assert password != new_password()
    assert len(password) >= 32
    assert any(letter.isupper() for letter in password)
    assert any(letter.islower() for letter in password)
    assert any(letter.isdigit() for letter in password)
    assert not password.isalnum()
    assert password.isascii()


def test_up_again_keeps_passwords_and_sessions(warehouse: Bench) -> None:
    """Prevents BI tools and running jobs losing their access each time somebody runs `up`."""
    before = warehouse.warehouse
    with closing(connect(before.bi)) as session:
        assert up(warehouse) == before
        with session.cursor() as cursor:
            cursor.execute(f"show tables from `{before.schemas.marts}`")
        connect(before.bi).close()


@pytest.mark.engines("mysql")  # MariaDB has these rules in a plugin that its core package lacks
def test_servers_with_password_rules_are_satisfied(server: Server) -> None:
    """Prevents the second `up` failing where a password may not be set twice; an expired password staying expired."""
    bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=f"test_{next(server.numbers)}")
    with open_cursor(server.admin) as cursor:
        cursor.execute("set global password_history = 5")
    try:
        before = up(bench)
        assert up(bench) == before
        with open_cursor(server.admin) as cursor:
            cursor.execute("set global password_history = 0")
            cursor.execute("alter user %s@'%%' password expire", (before.bi.username,))
        assert up(bench) == before
        connect(before.bi).close()
    finally:
        with open_cursor(server.admin) as cursor:
            cursor.execute("set global password_history = 0")


@pytest.mark.engines("mysql")  # MariaDB has no partial_revokes
def test_a_server_that_takes_grants_literally_is_understood(server: Server) -> None:
    r"""Prevents rights on a schema called `test\\_1`, which nobody has, where MySQL runs with partial_revokes."""
    bench = bench_in(server, server.home, AFTERSTATE_SCHEMA=f"test_{next(server.numbers)}")
    with open_cursor(server.admin) as cursor:
        cursor.execute("set global partial_revokes = on")
    try:
        found = up(bench)
        bench.query("create table `{marts}`.t (id int)", role="dbt")
        assert bench.query("select * from `{marts}`.t", role="bi") == []
        with connect(found.bi) as opened, opened.cursor() as cursor:
            rights = compare_rights(cursor, found.bi.username, "bi", found.schemas, wildcards=False)
        assert (rights.lacking, rights.beyond) == ([], [])
    finally:
        with open_cursor(server.admin) as cursor:
            cursor.execute("set global partial_revokes = off")


def test_up_takes_back_rights_beyond_an_accounts_role(tables: Bench) -> None:
    """Prevents a right that somebody once granted by hand staying for good, while `up` says that all is well."""
    found = tables.warehouse
    marts, landing, audit = (
        grant_pattern(name, wildcards=True)
        for name in (found.schemas.marts, found.schemas.landing, found.schemas.audit)
    )
    grants = [
        ("bi", f"insert, delete on `{marts}`.*"),
        ("bi", f"select on `{found.schemas.landing}`.landing_loads"),
        ("bi", "process on *.*"),
        ("bi", f"select on `{found.schemas.marts}`.*"),  # `_` stands for any character
        ("dbt", f"insert on `{landing}`.*"),
        ("landing", f"select on `{found.schemas.marts}`.t"),
    ]
    with open_cursor(tables.server.admin) as cursor:
        for role, grant in grants:
            cursor.execute(f"grant {grant} to %s@'%%'", (getattr(found, role).username,))
        cursor.execute(f"grant select on `{audit}`.* to %s@'%%' with grant option", (found.bi.username,))
    tables.query("insert into `{marts}`.t values (7)", role="bi")
    up(tables)
    for role, statement in [
        ("bi", "insert into `{marts}`.t values (8)"),
        ("bi", "select * from `{landing}`.landing_loads"),
        ("dbt", "delete from `{landing}`.landing_loads"),
        ("landing", "select * from `{marts}`.t"),
    ]:
        with pytest.raises(pymysql.err.OperationalError):
            tables.query(statement, role=role)
    for role in ROLES:
        grants_left = " ".join(text for (text,) in tables.query("show grants", role=role))
        assert "GRANT OPTION" not in grants_left
        assert "PROCESS" not in grants_left
        assert f"`{found.schemas.marts}`.*" not in grants_left
    assert tables.query("select * from `{marts}`.t", role="bi") == [(7,)]


def test_two_warehouses_stand_side_by_side(tables: Bench, server: Server) -> None:
    """Prevents the second warehouse of a home changing the first one's accounts, or reading what is in it."""
    first = tables.warehouse
    other = bench_in(server, server.home, AFTERSTATE_SCHEMA=f"test_{next(server.numbers)}_beside")
    second = up(other)
    assert second.schemas.marts != first.schemas.marts
    assert tables.warehouse == first
    for account in accounts_of(second):
        with pytest.raises(pymysql.err.OperationalError), open_cursor(account) as cursor:
            cursor.execute(f"select * from `{first.schemas.marts}`.t")
    unnamed = bench_in(server, server.home)
    assert read_warehouse(unnamed.settings) == second  # the one that came up last is dbt's default target
    up(tables)
    assert read_warehouse(unnamed.settings) == first
    assert other.warehouse == second


NOT_NAMES = ["a`b", "a'b", 'a"b', "a\\b", "a/b", "a%b", "{{a}}", "a?b", " a", "a\tb", "a\u200bb", "🧬", "mysql", "SYS"]
NOT_NAMES += ["a" * 57, "_" * 33, "x_landing", "x_bi", "x__one_database", "mysql.user"]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_a_name_that_cannot_be_a_warehouse_is_wrong_usage(server: Server, name: str) -> None:
    """Prevents SQL, templates or placeholders in a schema's name, and warehouses inside others' schemas."""
    result = bench_in(server, server.home, AFTERSTATE_SCHEMA=name).run("up")
    assert result.exit_code == 2
    assert name in result.output


@pytest.mark.parametrize("name", ["Developability", "항체 창고", "1st-try; drop #a -- c@d"])
def test_any_name_that_the_server_takes_is_a_warehouse(server: Server, tmp_path: Path, name: str) -> None:
    """Prevents a name that somebody has anyway being refused, or quoted in one place and not in another."""
    bench = bench_in(server, tmp_path, AFTERSTATE_MYSQL_URL=url_of(server), AFTERSTATE_SCHEMA=name)
    try:
        found = up(bench)
        assert up(bench) == found
        assert not found.schemas.is_one_database
        bench.land(ROOT / "samples" / "core")
        statuses = bench.build("--select", "+shutdown_state_snapshot", "+shutdown_snapshot_drift", "landing_rejects")
        assert set(statuses.values()) == {"pass", "success"}
        bench.build_without_tests("--select", "+shutdown_state_snapshot")
        assert bench.query("select count(*) from {marts}.shutdown_state_snapshot", role="bi") == [(1,)]
        for command in (("status",), ("export", "snapshot", "--out", tmp_path / "out.csv")):
            assert bench.run(*command).exit_code == 0
        with sqlalchemy.create_engine(bench.run("url", "--bi").stdout.strip()).connect() as connection:
            assert connection.execute(sqlalchemy.text("select database()")).scalar() == name
        with connect(found.bi) as opened, opened.cursor() as cursor:
            rights = compare_rights(cursor, found.bi.username, "bi", found.schemas, wildcards=True)
        assert (rights.lacking, rights.beyond) == ([], [])
    finally:
        for schema in bench.warehouse.schemas.all():
            as_admin(Bench(server, server.environment, tmp_path), f"drop database `{schema}`")
