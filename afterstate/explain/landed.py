"""Landed rows of NAND files, as an explanation quotes them: with file, line, row and load.

Reads the landing schema, which only the accounts that land and build may. Rows are found by their values, so that all
files that ever stated a segment come out, also those that later ones replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afterstate.marts.statements import Place
from afterstate.phase_key import TICK_US, Segment, tick
from afterstate.warehouse.layout import Schemas

# A log writes µs with three decimals, so that its times are off by less than this.
LOG_NOISE_US = 6e-4
PROPOSAL_COLUMNS = (
    "start_us",
    "die",
    "plane",
    "op_name",
    "op_base",
    "op_uid",
    "phase_key",
    "phase_hook_die",
    "phase_hook_plane",
    "phase_hook_label",
    "phase_key_time",
)


@dataclass(frozen=True)
class Stated:
    """A segment as one file states it, in µs; `holds` tells the statement that the timeline has."""

    run_id: str
    place: Place
    start_us: float
    end_us: float
    load_status: str
    holds: bool = False


@dataclass(frozen=True)
class Choice:
    """A line of a proposer's log that says which key was chosen, and the operation that it led to."""

    place: Place
    now_us: float
    phase_key: str | None
    rm_state: str | None
    hook_label: str | None
    op_name: str


def proposal_row(cursor: Any, schemas: Schemas, session: str, run: str, row_no: int) -> tuple[Place, dict[str, Any]]:
    """Return the landed row of a proposal that is built: where it is, and its columns; `row_no` counts from 1."""
    columns = ", ".join(f"rows_.{column}" for column in PROPOSAL_COLUMNS)
    cursor.execute(
        f"select loads.file_path, rows_._line_no, rows_._row_no, loads.load_id, {columns} "
        f"from {schemas.table('landing', 'landing_loads')} as loads "
        f"inner join {schemas.table('landing', 'nand_proposal_rows')} as rows_ on loads.load_id = rows_._load_id "
        "where loads.kind = 'nand_proposal_rows' and loads.status = 'landed' "
        "and loads.session_id = %s and loads.run_id = %s and rows_._row_no = %s order by loads.load_id desc limit 1",
        (session, run, row_no),
    )
    row = cursor.fetchone()
    return Place(*row[:4]), dict(zip(PROPOSAL_COLUMNS, row[4:], strict=True))


def segment_statements(
    cursor: Any, schemas: Schemas, session: str, die: int, plane: int, segment: Segment
) -> list[Stated]:
    """Return every statement of a segment of a plane, the earliest run first; the last one that counts `holds`."""
    near = (segment.start_tick - 0.6) * TICK_US, (segment.start_tick + 0.6) * TICK_US
    cursor.execute(
        "select loads.run_id, loads.file_path, rows_._line_no, rows_._row_no, loads.load_id, rows_.start, rows_.end, "
        f"loads.status from {schemas.table('landing', 'landing_loads')} as loads "
        f"inner join {schemas.table('landing', 'nand_op_state_timeline')} as rows_ on loads.load_id = rows_._load_id "
        "where loads.kind = 'nand_op_state_timeline' and loads.session_id = %s and rows_.die = %s and rows_.plane = %s "
        "and rows_.start between %s and %s and rows_.op_state = %s "
        "order by char_length(loads.run_id), loads.run_id, loads.load_id, rows_._row_no",
        (session, die, plane, *near, segment.key),
    )
    found = [
        Stated(run, Place(*place), start, end, status)
        for run, *place, start, end, status in cursor.fetchall()
        if tick(start) == segment.start_tick
    ]
    return _with_holder(found)


def _with_holder(stated: Sequence[Stated]) -> list[Stated]:
    holding = [number for number, one in enumerate(stated) if one.load_status == "landed"]
    return [
        Stated(one.run_id, one.place, one.start_us, one.end_us, one.load_status, holds=number in holding[-1:])
        for number, one in enumerate(stated)
    ]


def has_log(cursor: Any, schemas: Schemas, session: str, run: str) -> bool:
    """Return whether a log of the run has landed."""
    cursor.execute(
        f"select count(*) from {schemas.table('landing', 'landing_loads')} "
        "where kind = 'nand_proposer_log' and status = 'landed' and session_id = %s and run_id = %s",
        (session, run),
    )
    return bool(cursor.fetchone()[0])


def choices(
    cursor: Any, schemas: Schemas, session: str, run: str, die: int, plane: int, time_us: float
) -> list[Choice]:
    """Return what the run's log says was chosen for a plane at a time in µs, where it led to an operation."""
    log = schemas.table("landing", "nand_proposer_log")
    cursor.execute(
        "select loads.file_path, chosen._line_no, chosen._row_no, loads.load_id, chosen.now_us, chosen.phase_key, "
        "chosen.rm_state, chosen.hook_label, following.op_name "
        f"from {schemas.table('landing', 'landing_loads')} as loads "
        f"inner join {log} as chosen on loads.load_id = chosen._load_id "
        f"inner join {log} as following on chosen._load_id = following._load_id and following._row_no = "
        f"(select min(_row_no) from {log} as later where later._load_id = chosen._load_id "
        "and later._row_no > chosen._row_no) "
        "where loads.kind = 'nand_proposer_log' and loads.status = 'landed' "
        "and loads.session_id = %s and loads.run_id = %s and chosen.line_kind = 'phase_key' "
        "and following.line_kind = 'selected' and chosen.die = %s and chosen.plane = %s "
        "and chosen.now_us between %s and %s order by chosen._line_no",
        (session, run, die, plane, time_us - LOG_NOISE_US, time_us + LOG_NOISE_US),
    )
    return [Choice(Place(*row[:4]), *row[4:]) for row in cursor.fetchall()]
