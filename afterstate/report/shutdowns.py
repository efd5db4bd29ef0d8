"""The report's shutdowns: each design's trace, what was frozen of it, and the file and line of every value.

Data flow: marts and audit schema -> JSON-ready dictionaries. Of very many shutdowns the latest are shown; `total` says
how many there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from afterstate.marts.statements import INPUTS, STATE_COLUMNS, Statement, statements, taken
from afterstate.warehouse.layout import Schemas

SHOWN = 200
MEASURES = INPUTS[1].columns
KEY = ("run_id", "case_id", "antibody_id")
Design = tuple[str, str, str]


def read_shutdowns(cursor: Any, schemas: Schemas) -> dict[str, Any]:
    """Return the latest shutdowns with their designs' steps; `total` counts all of them."""
    cursor.execute(f"select count(*) from {schemas.table('marts', 'shutdown_state_snapshot')}")
    total = int(cursor.fetchone()[0])
    drift = _drift(cursor, schemas)
    designs: dict[Design, int] = {}
    items = []
    for snapshot in _snapshots(cursor, schemas):
        design: Design = (snapshot["run_id"], snapshot["case_id"], snapshot["antibody_id"])
        designs.setdefault(design, len(designs))
        items.append({**_described(cursor, schemas, snapshot, drift), "design": designs[design]})
    return {
        "total": total,
        "items": items,
        "designs": [_steps(cursor, schemas, design) for design in designs],
        "incomplete": _count(cursor, f"{schemas.table('marts', 'shutdown_snapshot_inputs')} where not is_complete"),
        "drifted": _count(cursor, schemas.table("marts", "shutdown_snapshot_drift")),
    }


def _count(cursor: Any, source: str) -> int:
    cursor.execute(f"select count(*) from {source}")
    return int(cursor.fetchone()[0])


def _snapshots(cursor: Any, schemas: Schemas) -> list[dict[str, Any]]:
    times = [source.taken_at for source in INPUTS]
    names = ("id", "snapshot_rule_id", "snapshot_created_at", *KEY, "shutdown_step", *STATE_COLUMNS)
    columns = ", ".join([*(f"snapshots.`{name}`" for name in names), *(f"inputs.{time}" for time in times)])
    cursor.execute(
        f"select {columns} from {schemas.table('marts', 'shutdown_state_snapshot')} as snapshots "
        f"inner join {schemas.table('marts', 'shutdown_snapshot_inputs')} as inputs "
        f"on snapshots.id = inputs.snapshot_id order by snapshots.id desc limit {SHOWN}"
    )
    return [dict(zip((*names, *times), row, strict=True)) for row in cursor.fetchall()]


def _drift(cursor: Any, schemas: Schemas) -> dict[tuple[Any, ...], dict[str, str | None]]:
    """Return what the files say now where a snapshot has drifted, by its key and column."""
    cursor.execute(
        "select run_id, case_id, antibody_id, shutdown_step, column_name, current_value "
        f"from {schemas.table('marts', 'shutdown_snapshot_drift')}"
    )
    found: dict[tuple[Any, ...], dict[str, str | None]] = {}
    for *key, column, value in cursor.fetchall():
        found.setdefault(tuple(key), {})[column] = value
    return found


def _described(cursor: Any, schemas: Schemas, snapshot: dict[str, Any], drift: Any) -> dict[str, Any]:
    """Describe one snapshot: its key, what is frozen, what drifted, and where each input came from."""
    key = (snapshot["run_id"], snapshot["case_id"], snapshot["antibody_id"], snapshot["shutdown_step"])
    created_at: datetime = snapshot["snapshot_created_at"]
    origins = {}
    for source in INPUTS:
        taken_at = snapshot[source.taken_at]
        if taken_at is None:
            continue  # what was never there came from nowhere
        frozen = {column: snapshot[column] for column in source.columns}
        stated = statements(cursor, schemas, source, key)
        origins[source.name] = _origin(taken(stated, frozen, taken_at), stated)
    return {
        "id": snapshot["id"],
        "rule": snapshot["snapshot_rule_id"],
        "created_at": created_at.isoformat(sep=" ", timespec="seconds"),
        "key": list(key),
        "frozen": {column: snapshot[column] for column in STATE_COLUMNS},
        "drift": drift.get(key, {}),
        "origins": origins,
    }


def _origin(source: Statement | None, stated: list[Statement]) -> dict[str, Any]:
    if source is None:
        return {"statements": len(stated)}
    place = source.place
    return {"file": place.file, "line": place.line_no, "load": place.load_id, "statements": len(stated)}


def _steps(cursor: Any, schemas: Schemas, design: Design) -> dict[str, list[Any]]:
    """Return a design's steps as the files have them now, with its fallback stages and reservations, by column."""
    rows: dict[int, dict[str, Any]] = {}
    shown = ((INPUTS[1], MEASURES), (INPUTS[2], ("fallback_stage",)), (INPUTS[3], ("reservation_status",)))
    for source, columns in shown:
        names = ", ".join(f"`{column}`" for column in columns)
        cursor.execute(
            f"select step, {names} from {schemas.table('audit', source.view)} "
            "where run_id = %s and case_id = %s and antibody_id = %s and valid_to is null",
            design,
        )
        for step, *values in cursor.fetchall():
            rows.setdefault(step, {}).update(zip(columns, values, strict=True))
    steps = sorted(rows)
    columns = (*MEASURES, "fallback_stage", "reservation_status")
    return {"step": steps, **{column: [rows[step].get(column) for step in steps] for column in columns}}
