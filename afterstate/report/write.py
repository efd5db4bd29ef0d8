"""The report: read the warehouse through its read-only account and write the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pymysql

from afterstate import __version__
from afterstate.errors import AfterstateError
from afterstate.marts import phase_key_sql
from afterstate.marts.sessions import BUILD_FIRST
from afterstate.memory.snapshots import NO_SUCH_COLUMN
from afterstate.output import open_output
from afterstate.progress import Advance, ignore_progress
from afterstate.report.audit import read_landed, read_log_checks, read_shutdown_checks, read_tests
from afterstate.report.keys import read_keys
from afterstate.report.page import MAX_BYTES, render
from afterstate.report.shutdowns import read_shutdowns
from afterstate.report.timelines import read_timelines
from afterstate.warehouse.connect import connect, detect
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.published import require_landed_here
from afterstate.warehouse.settings import Settings

STEPS = 6  # the five parts of the page, and the page itself
TRIES = 5
# A table was replaced since the transaction began (1412), or the build was waited for and waited, too (1213).
REPLACED_MEANWHILE = (1412, 1213)
SHUTDOWN_MARTS = (
    "shutdown_state_snapshot",
    "shutdown_snapshot_inputs",
    "shutdown_snapshot_drift",
    "shutdown_event_disagreements",
)


def write_report(
    settings: Settings, out: Path, sessions: Sequence[str] = (), advance: Advance = ignore_progress
) -> int:
    """Write the report of the environment's warehouse; returns the size of the page in bytes.

    `sessions` limits the timelines to these (all by default); `advance` is called for each of its STEPS. A file is
    replaced at once, when it is whole; `-`, a device and a pipe are written through (afterstate/output.py). Raises
    AfterstateError when nothing is built yet, a session is not there, or the file cannot be written.
    """
    warehouse = read_warehouse(settings)
    page = render(read_report(settings, warehouse, sessions, advance))
    size = len(page.encode())
    advance(1)
    if size > MAX_BYTES:
        raise AfterstateError(
            f"the page would take {size / 1e6:.1f} MB, more than the {MAX_BYTES / 1e6:.0f} MB that open quickly",
            "choose fewer sessions with `--session NAME`",
        )
    try:
        with open_output(out) as file:
            file.write(page)
    except BrokenPipeError:
        raise  # whoever read our output has seen enough
    except OSError as error:
        raise AfterstateError(f"`{out}` cannot be written: {error.strerror or error}") from error
    return size


def read_report(
    settings: Settings, warehouse: Warehouse, sessions: Sequence[str] = (), advance: Advance = ignore_progress
) -> dict[str, Any]:
    """Return what the page shows, as JSON-ready dictionaries; a half that is not built yet is None.

    All of it is of one moment; where a build replaces a table meanwhile, it begins again with the new ones.
    Raises AfterstateError where they do so again and again, where nothing is built yet, or by an older Afterstate, and
    where the marts are published from a lake.
    """
    require_landed_here(warehouse)
    for _ in range(TRIES):
        try:
            data = _read(warehouse, sessions, advance)
            break
        except pymysql.err.OperationalError as error:
            if error.args[0] == NO_SUCH_COLUMN:
                raise AfterstateError("the marts were built by an older Afterstate", BUILD_FIRST) from error
            if error.args[0] not in REPLACED_MEANWHILE:
                raise
    else:
        raise AfterstateError(f"tables were replaced while they were read, {TRIES} times", "try again after the build")
    data["tests"] = read_tests(_target(settings), warehouse.schemas.target)
    _require_shown(data["timelines"], sessions)
    return data


def _read(warehouse: Warehouse, sessions: Sequence[str], advance: Advance) -> dict[str, Any]:
    schemas = warehouse.schemas
    connection = connect(warehouse.bi)
    try:
        with connection.cursor() as cursor:
            cursor.execute("start transaction with consistent snapshot, read only")
            built = _built(cursor, schemas.marts)
            has_shutdowns, has_phase_keys = built.issuperset(SHUTDOWN_MARTS), built.issuperset(phase_key_sql.MARTS)
            if not has_shutdowns and not has_phase_keys:
                raise AfterstateError("there is nothing to show: the marts are not built yet", BUILD_FIRST)
            data: dict[str, Any] = {"made": _made(warehouse)}
            for name, read in _parts(cursor, schemas, sessions, has_shutdowns, has_phase_keys).items():
                data[name] = read()
                advance(1)
            return data
    finally:
        connection.close()


def _parts(
    cursor: Any, schemas: Schemas, sessions: Sequence[str], has_shutdowns: bool, has_phase_keys: bool
) -> dict[str, Callable[[], Any]]:
    """Return how to read each part of the page, in their order."""

    def checks() -> dict[str, Any]:
        found = read_shutdown_checks(cursor, schemas) if has_shutdowns else {}
        return {**found, **(read_log_checks(cursor, schemas) if has_phase_keys else {})}

    return {
        "landed": lambda: read_landed(cursor, schemas),
        "shutdowns": lambda: read_shutdowns(cursor, schemas) if has_shutdowns else None,
        "timelines": lambda: read_timelines(cursor, schemas, sessions) if has_phase_keys else None,
        "keys": lambda: read_keys(cursor, schemas) if has_phase_keys else None,
        "checks": checks,
    }


def _built(cursor: Any, schema: str) -> set[str]:
    cursor.execute("select table_name from information_schema.tables where table_schema = %s", (schema,))
    return {name for (name,) in cursor.fetchall()}


def _made(warehouse: Warehouse) -> dict[str, str]:
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S"),
        "warehouse": warehouse.schemas.marts,
        "server": detect(warehouse.bi).title,
        "version": __version__,
    }


def _target(settings: Settings) -> Path:
    """Return the folder where dbt leaves what its last command found (`afterstate.warehouse.dbt`)."""
    moved = settings.home != settings.root / ".afterstate"
    default = (settings.home if moved else settings.root) / "target"
    return Path(os.environ.get("DBT_TARGET_PATH", default))


def _require_shown(timelines: dict[str, Any] | None, sessions: Sequence[str]) -> None:
    known = {session["name"] for session in timelines["sessions"]} | set(timelines["left_out"]) if timelines else set()
    for session in sessions:
        if session not in known:
            raise AfterstateError(
                f"there is no session `{session}` with a timeline", f"expected one of: {', '.join(sorted(known)[:10])}"
            )
