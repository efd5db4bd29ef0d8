"""Why a shutdown snapshot is what it is: the event, the rows joined, what was restated since, and what drifted.

Data flow: `shutdown_state_snapshot` and the audit schema's histories, through the read-only account -> a dictionary,
the one that `--json` prints. What the files say now is looked up now, also where it is not built yet.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from afterstate.errors import AfterstateError
from afterstate.marts.sessions import BUILD_FIRST
from afterstate.marts.statements import INPUTS, STATE_COLUMNS, DesignStep, Input, Statement, statements, taken
from afterstate.memory.snapshots import built
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Warehouse


def explain_snapshot(warehouse: Warehouse, key: DesignStep, rule: str | None = None) -> dict[str, Any]:
    """Explain the snapshot of (run, case, antibody, shutdown step), of the latest rule unless one is named.

    Raises AfterstateError when there is no such snapshot, and where nothing is built yet, or by an older Afterstate.
    """
    with built(warehouse.bi) as cursor:
        return _explain(cursor, warehouse.schemas, key, rule)


def _explain(cursor: Any, schemas: Schemas, key: DesignStep, rule: str | None) -> dict[str, Any]:
    snapshot = _snapshot(cursor, schemas, key, rule)
    return {
        "snapshot_id": snapshot["id"],
        "rule": snapshot["snapshot_rule_id"],
        "created_at": snapshot["snapshot_created_at"],
        **dict(zip(("run_id", "case_id", "antibody_id", "shutdown_step"), key, strict=True)),
        "is_complete": all(snapshot[source.taken_at] is not None for source in INPUTS),
        "inputs": [_input(cursor, schemas, source, key, snapshot) for source in INPUTS],
        "disagreements": _disagreements(cursor, schemas, key),
    }


def _snapshot(cursor: Any, schemas: Schemas, key: DesignStep, rule: str | None) -> dict[str, Any]:
    names = ("id", "snapshot_rule_id", "snapshot_created_at", *STATE_COLUMNS)
    times = tuple(source.taken_at for source in INPUTS)
    columns = ", ".join([*(f"snapshots.`{name}`" for name in names), *(f"inputs.{time}" for time in times)])
    cursor.execute(
        f"select {columns} from {schemas.table('marts', 'shutdown_state_snapshot')} as snapshots "
        f"inner join {schemas.table('marts', 'shutdown_snapshot_inputs')} as inputs "
        "on snapshots.id = inputs.snapshot_id where snapshots.run_id = %s and snapshots.case_id = %s "
        "and snapshots.antibody_id = %s "
        "and snapshots.shutdown_step = %s and (%s is null or snapshots.snapshot_rule_id = %s) "
        "order by snapshots.id desc limit 1",
        (*key, rule, rule),
    )
    row = cursor.fetchone()
    if row is None:
        raise _no_snapshot(cursor, schemas, key, rule)
    return dict(zip((*names, *times), row, strict=True))


def _no_snapshot(cursor: Any, schemas: Schemas, key: DesignStep, rule: str | None) -> AfterstateError:
    cursor.execute(
        "select run_id, case_id, antibody_id, shutdown_step, snapshot_rule_id "
        f"from {schemas.table('marts', 'shutdown_state_snapshot')} order by run_id = %s desc, case_id = %s desc, "
        "antibody_id = %s desc, id desc limit 5",
        key[:3],
    )
    known = "; ".join(
        f"--run {run} --case {case} --antibody {antibody} --step {step} (rule {of})"
        for run, case, antibody, step, of in cursor.fetchall()
    )
    asked = f"run `{key[0]}`, case `{key[1]}`, antibody `{key[2]}`, step {key[3]}{f', rule `{rule}`' if rule else ''}"
    hint = f"expected one of: {known}" if known else "no shutdown event has been built; " + BUILD_FIRST
    return AfterstateError(f"there is no snapshot of {asked}", hint)


def _input(cursor: Any, schemas: Schemas, source: Input, key: DesignStep, snapshot: dict[str, Any]) -> dict[str, Any]:
    """Explain one input: the row that was taken, all other versions, and each column then and now."""
    taken_at = snapshot[source.taken_at]
    was_there = taken_at is not None
    stated = statements(cursor, schemas, source, key)
    frozen = {column: snapshot[column] for column in source.columns}
    origin = taken(stated, frozen, taken_at) if was_there else None
    current = next((one for one in stated if one.valid_to is None), None)
    return {
        "input": source.name,
        "was_there": was_there,
        "taken_from": asdict(origin.place) if origin else None,
        "columns": {column: _column(frozen[column], column, current, was_there) for column in source.columns},
        "statements": [{**asdict(one), "is_taken": one is origin, "is_current": one is current} for one in stated],
    }


def _column(frozen: Any, column: str, current: Statement | None, was_there: bool) -> dict[str, Any]:
    """Compare what was taken with what the files say now; what was never taken cannot drift."""
    now = current.values[column] if current else None
    return {"frozen": frozen, "now": now, "has_drifted": was_there and frozen != now}


def _disagreements(cursor: Any, schemas: Schemas, key: DesignStep) -> list[dict[str, Any]]:
    names = ("column", "event_value", "joined_value")
    cursor.execute(
        f"select column_name, event_value, joined_value from {schemas.table('marts', 'shutdown_event_disagreements')} "
        "where run_id = %s and case_id = %s and antibody_id = %s and shutdown_step = %s order by column_name",
        key,
    )
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
