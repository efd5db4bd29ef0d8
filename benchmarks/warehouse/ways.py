"""The other ways: who they are, their empty tables on the same server, one run of each, and a check of its tables."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.landing.servers import ROOT, SCHEMA, Server
from benchmarks.warehouse.contender import Order
from benchmarks.warehouse.counting import counted
from benchmarks.warehouse.warehouse import Run, StepFailed

PANDAS_ROWS = 2_000_000
QUADRATIC_ROWS = 20_000  # each look-up reads its plane from the end: ten times the rows, a hundred times as long


@dataclass(frozen=True)
class Way:
    """A way of making the tables, what it is called, and up to which size it runs (`--slow-rows`: 0)."""

    name: str
    title: str
    most_rows: int | None = None
    engines: tuple[str, ...] = ("mariadb", "mysql")
    is_linear: bool = True


@dataclass(frozen=True)
class Family:
    """Tables that are made together: by whom, which are compared, and what of them is each way's own."""

    name: str
    ways: tuple[Way, ...]
    filled: tuple[str, ...]  # what the ways fill
    compared: tuple[str, ...]
    own_columns: tuple[str, ...]


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "nand",
            (
                Way("duckdb", "connectorx + DuckDB + LOAD DATA"),
                Way("pandas", "pandas, merge_asof, executemany", PANDAS_ROWS),
                Way("notebook", "notebook: pandas, to_sql multi", 0),
                Way("correlated", "plain SQL, correlated", QUADRATIC_ROWS, is_linear=False),
                Way("lateral", "plain SQL, LATERAL", QUADRATIC_ROWS, ("mysql",), is_linear=False),
            ),
            (
                "int_phase_keys__sessions",
                "int_phase_keys__runs",
                "int_phase_keys__states",
                "int_phase_keys__segments",
                "proposal_phase_keys",
            ),
            ("op_state_spans", "proposal_phase_keys"),
            ("load_id",),
        ),
        Family(
            "core",
            (
                Way("core_pandas", "pandas merge, executemany", PANDAS_ROWS),
                Way("core_notebook", "notebook: pandas merge, to_sql multi", 0),
            ),
            ("shutdown_state_snapshot", "post_shutdown_timeline", "governed_run_summary"),
            ("shutdown_state_snapshot", "post_shutdown_timeline", "governed_run_summary"),
            ("id", "snapshot_id", "snapshot_created_at"),
        ),
    )
}


def run_once(server: Server, family: Family, way: Way, folders: Sequence[Path]) -> Run:
    """Make the tables of a family once, from empty ones."""
    _make_empty(server, family)
    with tempfile.TemporaryDirectory(prefix="afterstate-way-") as folder, counted(server) as count:
        admin = server.admin
        order = Order(
            admin.server, admin.port, admin.username, admin.password, server.engine, SCHEMA,
            server.schemas.landing, [str(one) for one in folders], folder,
        )  # fmt: skip
        started = time.monotonic()
        done = subprocess.run(
            [OTHERS_PYTHON, "-m", "benchmarks.warehouse.contender", way.name],
            input=json.dumps(asdict(order)),  # not an argument: it holds a password
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"{way.title} failed: {done.stderr.strip()[-3000:]}")
        committed = json.loads(done.stdout.splitlines()[-1])["committed"]
    return Run.of(committed - started, count)


def require_equal(server: Server, family: Family, way: str) -> None:
    """Raise StepFailed when a way's tables are not ours, row for row."""
    for table in family.compared:
        columns = [name for name in _columns(server, table) if name not in family.own_columns]
        places = (f"`{server.schemas.marts}`.{table}", f"{SCHEMA}.{table}")
        ours, theirs = ((server.count(place), server.checksum(place, columns)) for place in places)
        if ours != theirs or not ours[0]:
            raise StepFailed(f"`{table}` by {way} is not ours: {theirs} rows and checksum, ours {ours}")


def _make_empty(server: Server, family: Family) -> None:
    """Make the tables again, with the columns and the keys of ours, and our view over them."""
    schemas = server.schemas
    server.ask(f"drop database if exists {SCHEMA}", f"create database {SCHEMA} collate {server._collation()}")
    for table in family.filled:
        owner = schemas.staging if table.startswith("int_") else schemas.marts
        server.ask(f"create table {SCHEMA}.{table} like `{owner}`.{table}")
    if "op_state_spans" in family.compared:
        ours = server.ask(
            "select view_definition from information_schema.views "
            f"where table_schema = '{schemas.marts}' and table_name = 'op_state_spans'"
        )[0][0]
        view = str(ours).replace(f"`{schemas.staging}`.", f"`{SCHEMA}`.")
        server.ask(f"create view {SCHEMA}.op_state_spans as {view}")
    server._settle()


def _columns(server: Server, table: str) -> list[str]:
    rows = server.ask(
        "select column_name from information_schema.columns "
        f"where table_schema = '{server.schemas.marts}' and table_name = '{table}' order by ordinal_position"
    )
    return [str(name) for (name,) in rows]
