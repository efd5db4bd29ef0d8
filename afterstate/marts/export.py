"""Marts as the files that their users' scripts read (design sections 4 and 5)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pymysql

from afterstate.errors import AfterstateError
from afterstate.marts.sessions import BUILD_FIRST, NO_SUCH_TABLE, require_built, require_run
from afterstate.output import STANDARD_OUTPUT, open_output
from afterstate.phase_key import Boundary
from afterstate.progress import Advance, counted, ignore_progress
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.profile import Credentials, Warehouse
from loaders.core import STATE

# The notebook's order of columns in core10_02_shutdown_snapshot.csv.
SNAPSHOT_COLUMNS = (
    "run_id",
    "case_id",
    "antibody_id",
    "shutdown_step",
    *(column.name for columns in STATE.values() for column in columns),
    "snapshot_rule_id",
    "snapshot_created_at",
)
# The plan's order of columns in phase_proposal_counts_YYMMDD_RUNID.csv.
PHASE_COUNT_COLUMNS = ("phase_key_used", "phase_key_virtual", "die", "plane", "propose_time", "op_name", "count")


def count_snapshots(warehouse: Warehouse, rule: str) -> int:
    """Return how many snapshots a rule has."""
    with open_cursor(warehouse.bi) as cursor:
        table = warehouse.table("marts", "shutdown_state_snapshot")
        cursor.execute(f"select count(*) from {table} where snapshot_rule_id = %s", (rule,))
        return int(cursor.fetchone()[0])


def export_snapshot(warehouse: Warehouse, rule: str, out: Path, advance: Advance = ignore_progress) -> int:
    """Write the snapshots of one rule as the notebook wrote them, and return their number.

    `advance` is called with the number of rows written since its last call. A file is replaced at once, when it is
    whole; `-`, a device and a pipe are written through (afterstate/output.py). Raises AfterstateError when the table is
    not there yet or the file cannot be written.
    """
    columns = ", ".join(f"`{name}`" for name in SNAPSHOT_COLUMNS)
    statement = (
        f"select {columns} from {warehouse.table('marts', 'shutdown_state_snapshot')} "
        "where snapshot_rule_id = %s order by run_id, case_id, antibody_id, shutdown_step"
    )
    return _export(warehouse.bi, statement, (rule,), _Format(SNAPSHOT_COLUMNS, "\n"), out, advance)


def export_phase_counts(
    warehouse: Warehouse, session: str, run: str, boundary: Boundary, out: Path
) -> tuple[Path, int]:
    """Write a run's phase_proposal_counts as its simulator does, and return the file and the number of its rows.

    `propose_time` is in µs. `out` is a folder, or `-` for standard output. A run without proposals has the header
    alone. Raises AfterstateError for a session or a run that is not there, and when the models are not built yet.
    """
    require_run(warehouse, session, run)
    require_built(warehouse, session)
    columns = ", ".join(f"`{name}`" for name in PHASE_COUNT_COLUMNS)
    statement = (
        f"select {columns} from {warehouse.table('marts', 'phase_proposal_counts')} "
        "where session_id = %s and run_id = %s and boundary = %s "
        "order by die, plane, op_name, phase_key_used, phase_key_virtual"
    )
    file = out if out == STANDARD_OUTPUT else out / f"phase_proposal_counts_{run}.csv"
    values = (session, run, boundary)
    return file, _export(warehouse.bi, statement, values, _Format(PHASE_COUNT_COLUMNS, "\r\n"), file)


@dataclass(frozen=True)
class _Format:
    """What a producer's own file looks like: its columns, and how it ends a line."""

    columns: Sequence[str]
    line_end: str


def _export(
    account: Credentials,
    statement: str,
    values: Sequence[str],
    layout: _Format,
    out: Path,
    advance: Advance = ignore_progress,
) -> int:
    connection = connect(account)
    try:
        with connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(statement, values)
            return _write(out, layout, cursor, advance)
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        raise AfterstateError("the mart is not built yet", BUILD_FIRST) from error
    finally:
        connection.close()


def _write(out: Path, layout: _Format, rows: pymysql.cursors.SSCursor, advance: Advance) -> int:
    try:
        with open_output(out) as file:
            # Numbers as Python spells them, NULL as nothing: what the producers' own writers do.
            writer = csv.writer(file, lineterminator=layout.line_end)
            writer.writerow(layout.columns)
            writer.writerows(counted(rows, advance))
        return int(rows.rownumber)
    except BrokenPipeError:
        raise  # whoever read our output has seen enough
    except OSError as error:
        raise AfterstateError(f"`{out}` cannot be written: {error.strerror or error}") from error
