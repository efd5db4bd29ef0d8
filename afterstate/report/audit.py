"""The report's tables: loads, rejects, drift, disagreements, doubtful log lines, results of dbt's last tests."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from afterstate.marts import phase_key_sql as sql
from afterstate.warehouse.layout import Schemas

SHOWN = 200
TESTING = ("build", "test")  # dbt's commands that run tests
LOADS = "load_id, kind, status, file_path, session_id, run_id, rows_landed, rows_rejected, finished_at"
REJECTS = "load_id, file_path, line_no, column_name, value, reason"
DRIFT = "run_id, case_id, antibody_id, shutdown_step, column_name, frozen_value, current_value"
DISAGREEMENTS = "run_id, case_id, antibody_id, shutdown_step, column_name, event_value, joined_value"


def read_landed(cursor: Any, schemas: Schemas) -> dict[str, Any]:
    """Return the loads, the latest first, their sums by kind, and the rejected rows."""
    loads = schemas.table("audit", "landing_loads")
    kinds = (
        "select kind, count(*) as files, sum(rows_read) as rows_read, sum(rows_landed) as rows_landed, "
        f"sum(rows_rejected) as rows_rejected, max(finished_at) as last_at from {loads} group by kind order by kind"
    )
    return {
        "kinds": table(cursor, kinds),
        "loads": table(cursor, f"select {LOADS} from {loads} order by load_id desc"),
        "rejects": table(
            cursor, f"select {REJECTS} from {schemas.table('audit', 'landing_rejects')} order by load_id desc, row_no"
        ),
    }


def read_shutdown_checks(cursor: Any, schemas: Schemas) -> dict[str, Any]:
    """Return where snapshots have drifted, and where events disagree with the files that they copy."""
    order = "order by run_id, case_id, antibody_id, shutdown_step, column_name"
    return {
        "drift": table(cursor, f"select {DRIFT} from {schemas.table('marts', 'shutdown_snapshot_drift')} {order}"),
        "disagreements": table(
            cursor, f"select {DISAGREEMENTS} from {schemas.table('marts', 'shutdown_event_disagreements')} {order}"
        ),
    }


def read_log_checks(cursor: Any, schemas: Schemas) -> dict[str, Any]:
    """Return the proposals whose used key their run's own log does not confirm."""
    return {"log_mismatches": table(cursor, sql.log_mismatches(schemas))}


def table(cursor: Any, statement: str) -> dict[str, Any]:
    """Return a query's first rows with its columns' names; `total` counts all of them."""
    cursor.execute(f"select count(*) from ({statement}) as counted")
    total = int(cursor.fetchone()[0])
    cursor.execute(f"{statement} limit {SHOWN}")
    columns = [description[0] for description in cursor.description]
    return {"columns": columns, "rows": [[plain(value) for value in row] for row in cursor.fetchall()], "total": total}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it; times are UTC."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return int(value) if isinstance(value, Decimal) else value


def read_tests(folder: Path, target: str) -> dict[str, Any] | None:
    """Return what dbt's last command found, from its run_results.json; None where it ran no tests of this warehouse."""
    try:
        results = json.loads((folder / "run_results.json").read_text(encoding="utf-8"))
        arguments, found = results["args"], results["results"]
        rows = [
            [result["unique_id"].split(".")[2], result["status"], result.get("failures"), result.get("message")]
            for result in found
            if result["unique_id"].startswith("test.")
        ]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    # `dbt docs generate` writes the file, too: it compiles every test, and runs none
    if not rows or arguments.get("which") not in TESTING or arguments.get("target") not in (None, target):
        return None
    counts: dict[str, int] = {}
    for _, status, _, _ in rows:
        counts[status] = counts.get(status, 0) + 1
    notable = [row for row in rows if row[1] != "pass"]
    return {
        "at": str(results["metadata"]["generated_at"])[:19].replace("T", " "),
        "command": arguments["which"],
        "counts": counts,
        "table": {
            "columns": ["test", "status", "failures", "message"],
            "rows": notable[:SHOWN],
            "total": len(notable),
        },
    }
