"""Marts as the files that their users' scripts read (design section 4)."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path

import pymysql

from loaders.connect import connect
from loaders.errors import AfterstateError
from loaders.profile import Warehouse

# The notebook's order of columns in core10_02_shutdown_snapshot.csv.
SNAPSHOT_COLUMNS = (
    "run_id",
    "case_id",
    "antibody_id",
    "shutdown_step",
    "shutdown_trigger_final",
    "SoMS_cumsum_window",
    "action_toggle_rate",
    "blocked_rate_window",
    "veto_streak",
    "fallback_stage",
    "fallback_reason_code",
    "fallback_score",
    "reservation_status",
    "reservation_reason_code",
    "risk_score_total",
    "snapshot_rule_id",
    "snapshot_created_at",
)
NO_SUCH_TABLE = 1146


def export_snapshot(warehouse: Warehouse, out: Path) -> int:
    """Write `shutdown_state_snapshot` as the notebook wrote it and give the number of rows.

    The file is replaced at once, when it is whole. Raises AfterstateError when the table is not there yet or the file
    cannot be written.
    """
    columns = ", ".join(f"`{name}`" for name in SNAPSHOT_COLUMNS)
    statement = (
        f"select {columns} from `{warehouse.schemas.marts}`.shutdown_state_snapshot "
        "order by run_id, case_id, antibody_id, shutdown_step"
    )
    connection = connect(warehouse.bi)
    try:
        with connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(statement)
            return _write(out, cursor)
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        raise AfterstateError("there is no `shutdown_state_snapshot` yet", "run `afterstate build` first") from error
    finally:
        connection.close()


def _write(out: Path, cursor: pymysql.cursors.SSCursor) -> int:
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8", newline="") as file:
            # Numbers as Python spells them, NULL as nothing, lines ended by \n: what the notebook's to_csv does.
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(SNAPSHOT_COLUMNS)
            writer.writerows(cursor)
        draft.replace(out)
        return int(cursor.rownumber)
    except OSError as error:
        raise AfterstateError(f"`{out}` cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
