"""What the files ever said of a shutdown's step, and which of it a snapshot took.

Data flow: the audit schema's `core_*_history` and `landing_loads`, through the read-only account -> statements with
file, line and load. Of a file that states a key twice, only the last row counts and is seen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from afterstate.warehouse.layout import Schemas
from loaders.core import STATE

DesignStep = tuple[str, str, str, int]


@dataclass(frozen=True)
class Input:
    """One of the files that a snapshot is joined from: its history, and the columns that it fills."""

    name: str
    view: str
    step_column: str
    columns: tuple[str, ...]
    taken_at: str  # of `shutdown_snapshot_inputs`: since when it is there, NULL until then


_VIEWS = {
    "event": ("core_shutdown_events_history", "shutdown_step"),
    "trace": ("core_state_trace_history", "step"),
    "fallback": ("core_fallback_decisions_history", "step"),
    "reservation": ("core_reservation_log_history", "step"),
}
INPUTS = tuple(
    Input(name, *_VIEWS[name], tuple(column.name for column in columns), f"{name}_taken_at")
    for name, columns in STATE.items()
)
STATE_COLUMNS = tuple(column for source in INPUTS for column in source.columns)


@dataclass(frozen=True)
class Place:
    """A row of a landed file; lines count from 1 with the header, rows without it."""

    file: str
    line_no: int
    row_no: int
    load_id: int


@dataclass(frozen=True)
class Statement:
    """What one file says of a key, and when it became known (UTC)."""

    values: Mapping[str, Any]
    place: Place
    valid_from: datetime
    valid_to: datetime | None
    load_status: str


def statements(cursor: Any, schemas: Schemas, source: Input, key: DesignStep) -> list[Statement]:
    """Return what all files say of one design's step, the earliest first."""
    columns = ", ".join(f"history.`{column}`" for column in source.columns)
    cursor.execute(
        f"select history.load_id, history.row_no, history.line_no, history.valid_from, history.valid_to, "
        f"loads.file_path, loads.status, {columns} from {schemas.table('audit', source.view)} as history "
        f"inner join {schemas.table('audit', 'landing_loads')} as loads on history.load_id = loads.load_id "
        f"where history.run_id = %s and history.case_id = %s and history.antibody_id = %s "
        f"and history.{source.step_column} = %s order by history.load_id",
        key,
    )
    return [
        Statement(
            values=dict(zip(source.columns, row[7:], strict=True)),
            place=Place(row[5], row[2], row[1], row[0]),
            valid_from=row[3],
            valid_to=row[4],
            load_status=row[6],
        )
        for row in cursor.fetchall()
    ]


def taken(stated: Sequence[Statement], frozen: Mapping[str, Any], taken_at: datetime) -> Statement | None:
    """Return the statement that a snapshot took, None when no landed row says what it says (any more).

    That is the latest one known at `taken_at` (UTC) among those that say the same.
    """
    same = [one for one in stated if all(one.values[column] == frozen[column] for column in one.values)]
    known = [one for one in same if one.valid_from <= taken_at]
    return known[-1] if known else (same[0] if same else None)
