"""The notebook's author: one account, one database of a server as it is installed, and files one after the other."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pandas as pd
import pymysql
import pytest
import sqlalchemy

from afterstate.warehouse.admin_sql import one_database_grants
from afterstate.warehouse.connect import open_cursor
from tests.bench import ROOT, Bench, Server, one_database_place
from tests.server.helpers import AFTERSTATE, as_admin, bench_in, global_setting, up
from tests.warehouse.scenarios import SHUTDOWN
from tests.warehouse.test_snapshot import NOTEBOOK_ROW

SAMPLE = ROOT / "samples" / "core"
EXPORTED_FROM = ("shutdown_state_snapshot", "shutdown_snapshot_drift", "shutdown_snapshot_inputs")
SAMPLE_RUN = "core7_04_1767776352"
# The trace comes last: whatever is landed before is there when the state is taken.
ONE_AFTER_THE_OTHER = ("core10_01", "core8_06", "core9_04", "core8_03")


def database(server: Server, home: Path, name: str = "Developability") -> Bench:
    """Return a checkout with nothing but the notebook's URL."""
    place = one_database_place(server, home, name)
    url = place.environment["AFTERSTATE_MYSQL_URL"]
    return bench_in(server, home, AFTERSTATE_MYSQL_URL=url, AFTERSTATE_SERVER_PROGRAM="")


@pytest.fixture
def author(server: Server, tmp_path: Path) -> Iterator[Bench]:
    """Return the author's checkout, on a server as MySQL is installed."""
    bench = database(server, tmp_path / "home")
    with global_setting(administrators(server), "local_infile", 0):
        yield bench


def administrators(server: Server) -> Bench:
    """Return the bench through which the server's administrator works."""
    return Bench(server, server.environment, server.home)


def tables(server: Server) -> set[str]:
    with open_cursor(server.admin) as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'Developability'")
        return {table for (table,) in cursor.fetchall()}


def databases(server: Server) -> list[tuple[str]]:
    """List the server's databases, by which a warehouse beside the author's would show."""
    with open_cursor(server.admin) as cursor:
        cursor.execute("select schema_name from information_schema.schemata order by 1")
        return list(cursor.fetchall())


def test_the_notebooks_authors_road(server: Server, author: Bench) -> None:
    """Prevents the one account on the one database, which is what a notebook has, from being of no use."""
    schemas_before = databases(server)
    brought_up = author.run("up")
    assert brought_up.exit_code == 0, brought_up.output
    assert "has rights on the database `Developability` only" in brought_up.output
    assert "afterstate land" in brought_up.output
    for number, beginning in enumerate(ONE_AFTER_THE_OTHER):
        (file,) = SAMPLE.glob(f"{beginning}*.csv")
        assert author.land(file)[0]["status"] == "landed"
        if number == 0 or file.name.startswith("core8_03"):
            author.build_without_tests(*SHUTDOWN)
    out = author.folder / "core10_02_shutdown_snapshot.csv"
    exported = author.run("export", "snapshot", "--out", out)
    assert exported.exit_code == 0, exported.output
    assert out.read_text().splitlines()[1].rpartition(",")[0] == NOTEBOOK_ROW
    assert databases(server) == schemas_before
    prefixes = {name.partition("__")[0] for name in tables(server) if "__" in name}
    assert prefixes == {"landing", "staging", "audit"}
    assert "shutdown_state_snapshot" in tables(server)
    # every statement and every table tells keys apart, whatever the database's own collation is
    examined = author.run("doctor")
    assert examined.exit_code == 0, examined.output
    assert "note  local_infile is off" in examined.output
    assert "note  one account does all the work" in examined.output
    assert "read-only" not in examined.output + author.settings.profiles_path.read_text()


@pytest.mark.engines("mysql")
def test_in_every_order_of_the_files_the_authors_row_is_right(author: Bench) -> None:
    """Prevents a snapshot that depends on which file came first: one file at a time, and a build after each.

    All 24 orders go side by side, each as a run of its own; a round lands one file of every run, and builds.
    """
    up(author)
    names = sorted(SAMPLE.glob("*.csv"))
    orders = {f"order_{number}": order for number, order in enumerate(permutations(names))}
    for turn in range(len(names)):
        for run, order in orders.items():
            text = order[turn].read_text(encoding="utf-8").replace(SAMPLE_RUN, run)
            author.write(f"turn_{turn}/{run}/{order[turn].name}", text)
        assert {result["status"] for result in author.land(author.folder / f"turn_{turn}")} == {"landed"}
        author.build_without_tests("--select", *("+" + mart for mart in EXPORTED_FROM))
    exported = author.run("export", "snapshot", "--out", "-")
    assert exported.exit_code == 0, exported.output
    assert f"snapshots: {len(orders)} (incomplete: 0, drifted: 0)" in exported.stderr
    rows = [line.rpartition(",")[0] for line in exported.stdout.splitlines()[1:]]
    assert rows == [NOTEBOOK_ROW.replace(SAMPLE_RUN, run) for run in sorted(orders)]


def test_the_whole_build_with_every_test_and_the_docs(author: Bench) -> None:
    """Prevents a model, a test of dbt's, the documentation or the freshness from naming a schema that is not there."""
    up(author)
    author.land(SAMPLE)
    assert set(author.build().values()) == {"pass", "success"}
    assert set(author.build_without_tests().values()) == {"success"}  # what is incremental takes another way
    author.dbt("docs generate")
    assert author.run("prune", "--dry-run").exit_code == 0
    assert "core8_state_trace" in author.run("status").output


def test_tables_of_the_authors_own_are_never_replaced(server: Server, author: Bench) -> None:
    """Prevents the notebook's own shutdown_state_snapshot, of the same name, from being dropped by a build."""
    as_admin(
        administrators(server),
        "create table Developability.shutdown_state_snapshot (id int)",
        "insert into Developability.shutdown_state_snapshot values (7)",
        "create table Developability.theirs (id int)",
    )
    refused = author.run("up")
    assert refused.exit_code == 1
    assert not author.settings.profiles_path.exists()
    assert tables(server) == {"shutdown_state_snapshot", "theirs"}
    renames = re.findall(r"rename table .*;", refused.output)
    assert len(renames) == 1
    as_admin(administrators(server), *renames)
    up(author)
    up(author)  # what is the warehouse's own is not a stranger's
    with open_cursor(server.admin) as cursor:
        cursor.execute("select * from Developability.shutdown_state_snapshot_before")
        assert cursor.fetchall() == ((7,),)


def test_more_rights_do_not_move_a_warehouse(server: Server, author: Bench) -> None:
    """Prevents an empty warehouse in four schemas beside the full one, the day an administrator grants more."""
    before = up(author)
    author.land(SAMPLE)
    as_admin(administrators(server), f"grant all privileges on *.* to {before.dbt.username}@'%'")
    assert up(author) == before
    other = bench_in(server, author.server.home.parent / "other", **author.environment | {"AFTERSTATE_HOME": ""})
    other.environment["AFTERSTATE_HOME"] = str(other.server.home)
    assert up(other).schemas == before.schemas  # also where no profile knows of it
    assert other.query("select count(*) from {landing}.landing_loads") == [(4,)]


@pytest.mark.parametrize("lacking", ["create view", "create", "create temporary tables"])
def test_a_right_that_is_missing_is_named_with_its_grant(server: Server, author: Bench, lacking: str) -> None:
    """Prevents a warehouse that comes up and then cannot be built."""
    url = sqlalchemy.make_url(author.environment["AFTERSTATE_MYSQL_URL"])
    as_admin(administrators(server), f"revoke {lacking} on Developability.* from {url.username}@'%'")
    refused = author.run("up")
    assert refused.exit_code == 1
    (grant,) = one_database_grants("Developability", f"'{url.username}'@'%'", wildcards=True)
    assert grant in refused.output
    assert not author.settings.profiles_path.exists()
    as_admin(administrators(server), grant)
    up(author)


def test_another_shell_finds_the_warehouse(server: Server, author: Bench) -> None:
    """Prevents the memory from looking gone: an empty private server in the place of the one with everything in it."""
    before = up(author)
    author.land(SAMPLE)
    later = bench_in(server, author.server.home)
    for command in ("up", "status", "down", "up"):
        result = later.run(command)
        assert result.exit_code == 0, result.output
    assert "not Afterstate's to stop" in later.run("down").output
    assert later.warehouse == before
    assert not later.server.private.exists()
    assert later.query("select count(*) from {landing}.landing_loads") == [(4,)]
    unknown = bench_in(server, author.server.home, AFTERSTATE_SCHEMA="another").run("up")
    assert unknown.exit_code == 2
    assert "AFTERSTATE_MYSQL_URL" in unknown.output


def test_the_url_opens_the_tables(author: Bench) -> None:
    """Prevents seven lines of YAML parsing in every notebook, and a login that is taken for one that only reads."""
    up(author)
    author.land(SAMPLE)
    author.build_without_tests(*SHUTDOWN)
    result = author.run("url", "--bi")
    assert result.exit_code == 0
    assert "can change everything" in result.stderr
    engine = sqlalchemy.create_engine(result.stdout.strip())
    with engine.connect() as connection:
        found = pd.read_sql(
            sqlalchemy.text("select antibody_id, shutdown_step from shutdown_state_snapshot"), connection
        )
    assert found.values.tolist() == [["antibody_C", 21]]


@pytest.mark.layouts("four_schemas")
def test_the_url_for_bi_only_reads_where_it_can(warehouse: Bench) -> None:
    """Prevents a dashboard from getting the password of an account that can change what it shows."""
    warehouse.query("create table {marts}.t (id int)", role="dbt")
    result = warehouse.run("url", "--bi")
    assert result.stderr == ""
    engine = sqlalchemy.create_engine(result.stdout.strip())
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select count(*) from t")).scalar() == 0
        with pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("insert into t values (1)"))
    assert "_bi" not in warehouse.run("url").stdout


def test_plain_dbt_finds_a_moved_home(author: Bench) -> None:
    """Prevents the demo's last line, `dbt docs generate`, from failing where AFTERSTATE_HOME is set."""
    up(author)
    done = subprocess.run(
        [AFTERSTATE.with_name("dbt"), "ls", "--select", "shutdown_state_snapshot", "--output", "name"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "AFTERSTATE_HOME": str(author.server.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shutdown_state_snapshot" in done.stdout


def test_an_account_that_cannot_log_in_learns_nothing_new(server: Server, author: Bench) -> None:
    """Prevents a refused password from being shown, or taken for a missing right."""
    url = author.environment["AFTERSTATE_MYSQL_URL"].replace("Owner-pass-1", "wrong-pass")
    result = bench_in(server, author.server.home, AFTERSTATE_MYSQL_URL=url).run("up")
    assert result.exit_code == 1
    assert "wrong-pass" not in result.output
    assert "password in `AFTERSTATE_MYSQL_URL`" in result.output
    with pytest.raises(pymysql.err.OperationalError):
        sqlalchemy.create_engine(url).raw_connection()
