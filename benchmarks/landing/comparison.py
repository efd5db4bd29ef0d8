"""Who is compared, and one landing of each: a fresh table, a process of its own, and its rows counted afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from afterstate.errors import AfterstateError, UsageError
from benchmarks.landing.contender import Order
from benchmarks.landing.files import PARTS, ROWS_PER_REJECT, Landed
from benchmarks.landing.servers import ROOT, SCHEMA, Server, keyed_statements, plain_statements

PRODUCT_PYTHON = Path(sys.executable)
OTHERS_PYTHON = ROOT / ".venv-benchmarks" / "bin" / "python"
SLOW_ROWS = 200_000


@dataclass(frozen=True)
class Contender:
    """A way to land a file; `way` is its name in `contender`, `table` where its rows come to lie (none: in ours)."""

    name: str
    title: str
    way: str
    table: str | None = None
    python: Path = PRODUCT_PYTHON
    with_rejects: bool = False
    in_parts: bool = False
    by_insert: bool = False  # where the server's local_infile is off
    is_slow: bool = False


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("ours", "afterstate land", "afterstate"),
        Contender("rejects", "afterstate land, 1 % rejects", "afterstate", with_rejects=True),
        Contender("parts", f"afterstate land, {PARTS} files", "afterstate", in_parts=True),
        Contender("insert", "afterstate land, by INSERT", "afterstate", by_insert=True),
        Contender("bare", "bare LOAD DATA LOCAL", "load_data", "plain"),
        Contender("keyed", "LOAD DATA LOCAL, our table", "load_data", "keyed"),
        Contender("multi", "to_sql multi (notebook)", "to_sql_multi", "plain", OTHERS_PYTHON, is_slow=True),
        Contender("executemany", "to_sql executemany", "to_sql_executemany", "plain", OTHERS_PYTHON, is_slow=True),
        Contender("dlt", "dlt", "dlt", "dlt_rows", OTHERS_PYTHON, is_slow=True),
    )
}


class LandingFailed(AfterstateError):
    """A contender did not land what it was given."""


@dataclass(frozen=True)
class Run:
    """What one landing took; `whole` is from the start of its process to its commit, `landing` without the imports."""

    whole_seconds: float
    landing_seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    peak_megabytes: float
    rows_landed: int
    rows_rejected: int


def require_environment(contenders: list[Contender]) -> None:
    """Raise UsageError when a contender's packages are missing."""
    missing = [contender.name for contender in contenders if not contender.python.exists()]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} need packages that are not here",
            "`script/benchmark-landing` installs them; or leave those out: `--contenders ours,bare,keyed`",
        )


def land_once(server: Server, contender: Contender, kind: Landed, file: Path, rows: int) -> Run:
    """Land a file, or all of a folder, once, and raise LandingFailed when not all of its rows came to lie."""
    first = min(file.iterdir()) if contender.in_parts else file
    header = first.open(encoding="utf-8").readline().rstrip("\n").split(",")
    server.make_ready(kind, header)
    server.ask(f"set global local_infile = {'off' if contender.by_insert else 'on'}")
    with tempfile.TemporaryDirectory() as folder:
        order = _order(server, contender, kind, file, header, folder)
        server_cpu = server.cpu_seconds()
        started = time.monotonic()
        reading = _run(server, contender, order)
        server_cpu = server.cpu_seconds() - server_cpu
    landed, rejected = _require_all_rows(server, contender, kind, rows)
    return Run(
        whole_seconds=reading["committed"] - started,
        landing_seconds=reading["committed"] - reading["ready"],
        cpu_seconds=reading["cpu_seconds"],
        server_cpu_seconds=server_cpu,
        peak_megabytes=reading["peak_megabytes"],
        rows_landed=landed,
        rows_rejected=rejected,
    )


def landed_in(server: Server, contender: Contender, kind: Landed) -> str:
    """Return the table in which a contender's rows lie, as SQL spells it."""
    return f"{SCHEMA}.{contender.table}" if contender.table else f"`{server.schemas.landing}`.{kind.table}"


def _order(server: Server, contender: Contender, kind: Landed, file: Path, header: list[str], folder: str) -> Order:
    if contender.table == "keyed":
        statements = keyed_statements(file, header, server.known_columns(kind))
    else:
        statements = plain_statements(file, header)
    admin = server.admin
    return Order(
        file=str(file),
        server=admin.server,
        port=admin.port,
        user=admin.username,
        password=admin.password,
        schema=SCHEMA,
        table=contender.table or "",
        statements=statements,
        folder=folder,
    )


def _run(server: Server, contender: Contender, order: Order) -> dict[str, float]:
    done = subprocess.run(
        [contender.python, "-m", "benchmarks.landing.contender", contender.way],
        input=json.dumps(asdict(order)),  # not an argument: it holds a password
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=_environment(server),
        check=False,
    )
    if done.returncode:
        raise LandingFailed(f"{contender.title} failed: {done.stderr.strip()[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _environment(server: Server) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERSTATE_")}
    return {
        **kept,
        "AFTERSTATE_HOME": str(server.home),
        # dlt would tell its makers of each run, and call SoMS_cumsum_window so_ms_cumsum_window
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "SCHEMA__NAMING": "direct",
    }


def _require_all_rows(server: Server, contender: Contender, kind: Landed, rows: int) -> tuple[int, int]:
    """Count rows and rejects, and raise LandingFailed when they are not the file's."""
    rejects = rows // ROWS_PER_REJECT if contender.with_rejects else 0
    expected = (rows - rejects, rejects)
    places = (landed_in(server, contender, kind), f"`{server.schemas.landing}`.landing_rejects")
    landed, rejected = (server.count(place) for place in places)
    if (landed, rejected) != expected:
        found = f"{landed:,} rows and {rejected:,} rejects"
        raise LandingFailed(f"{contender.title} landed {found}, expected {expected[0]:,} and {expected[1]:,}")
    return landed, rejected
