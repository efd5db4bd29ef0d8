"""The type of each column: as it lands (`LANDED`), or as the warehouse makes it where no file has it (`MADE`)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy.dialects import mysql

from afterstate.warehouse.layout import Schemas
from loaders.recognise import KINDS
from loaders.tables import landing_tables

# What every landed row has, whatever its kind.
OF_EVERY_LOAD = ("load_id", "kind", "session_id", "run_id")


@dataclass(frozen=True)
class Made:
    """A column that the warehouse makes: its type, and the landed columns without which it is NULL.

    `needs` is empty for what is always there, and None for what may be NULL whatever lands.
    """

    type: str
    needs: tuple[str, ...] | None = ()


def _tables() -> dict[str, dict[str, str]]:
    """Return the type of each column of each landing table."""
    found: dict[str, dict[str, str]] = {}
    for table in landing_tables(Schemas("any"), "any").metadata.tables.values():
        spelled = {column.name: column.type.compile(dialect=mysql.dialect()).split()[0].lower() for column in table.c}
        found[table.name] = {name.removeprefix("_"): _SHORT.get(type_, type_) for name, type_ in spelled.items()}
    return found


def _landed_types() -> dict[str, dict[str, str]]:
    """Return the type of each landed column in each table that has it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, columns in TABLES.items():
        for name, type_ in columns.items():
            if table in {kind.name for kind in KINDS} or (table == "landing_loads" and name in OF_EVERY_LOAD):
                found[name][table] = type_
    return dict(found)


_SHORT = {"integer": "int"}
TABLES = _tables()
LANDED = _landed_types()


def like(landed: str) -> str:
    """Return the type with which a column lands."""
    return next(iter(LANDED[landed].values()))


_PHASE_KEY, _COUNT, _TICK, _TIME = like("phase_key"), "bigint", "bigint", like("start")
_VALUE_AS_TEXT, _STATUS, _MOMENT = "varchar(255)", "varchar(16)", "datetime(6)"
_NAME, _MEANING = like("op_name"), "varchar(255)"

# By column, or by model.column where a model makes a column of that name in its own way.
MADE: dict[str, Made] = {
    # segments
    "op_base": Made(like("op_base"), ("op_state",)),
    "state": Made(like("op_state"), ("op_state",)),
    "op_state": Made(_PHASE_KEY, None),
    "session_no": Made("int"),
    "run_no": Made("int"),
    "state_no": Made("int"),
    "previous_state_no": Made("int", None),
    "segment_no": Made("int"),
    "stretch_no": Made("int"),
    "segment_ticks": Made(_TICK),
    "gap_count": Made(_COUNT),
    "gap_ticks": Made(_TICK),
    "proposal_phase_keys.segment_no": Made("int", None),
    "start_tick": Made(_TICK, ("start",)),
    "end_tick": Made(_TICK, ("end",)),
    "previous_end_tick": Made(_TICK, None),
    "next_start_tick": Made(_TICK, None),
    # proposals and their phase keys; a proposal without its hook has its own die, plane and time
    "key_die": Made(like("die"), ("die",)),
    "key_plane": Made(like("plane"), ("plane",)),
    "propose_tick": Made(_TICK, ("start_us",)),
    "propose_time_us": Made(_TIME, ("start_us",)),
    "propose_time": Made(_TIME, ("start_us",)),
    "context_source": Made("varchar(16)"),
    "phase_key_used": Made(_PHASE_KEY),
    "phase_key_virtual": Made(_PHASE_KEY),
    "phase_key_covering": Made(_PHASE_KEY),
    "phase_key_before": Made(_PHASE_KEY),
    "op_state_op_name_counts.phase_key": Made(_PHASE_KEY),
    "boundary": Made("varchar(16)"),
    "count": Made(_COUNT),
    "share_of_phase_key": Made("double"),
    # what operations did, and how busy planes were
    "op_family": Made(_NAME, None),
    "op_source": Made(_NAME, None),
    "simulator_op_state": Made(_PHASE_KEY, None),
    "simulator_phase_key": Made(_PHASE_KEY, None),
    "nand_operations.phase_key_used": Made(_PHASE_KEY, None),
    "nand_operations.start_us": Made(_TIME, ("start",)),
    "nand_operations.end_us": Made(_TIME, ("end",)),
    "duration_us": Made("double", ("start", "end")),
    "plane_phase_times.phase_key": Made(_PHASE_KEY),
    "is_virtual_end": Made("boolean"),
    "is_on_bus": Made("boolean", None),
    "held_ticks": Made(_TICK),
    "held_us": Made(_TIME),
    "share_of_plane": Made("double", None),
    "span_ticks": Made(_TICK),
    "busy_ticks": Made(_TICK),
    "overlap_ticks": Made(_TICK),
    "virtual_end_ticks": Made(_TICK),
    "busy_us": Made(_TIME),
    "virtual_end_us": Made(_TIME),
    "utilisation": Made("double", None),
    # runs and sessions
    "first_landed_at": Made(_MOMENT),
    "last_landed_at": Made(_MOMENT),
    "governed_runs.first_landed_at": Made(_MOMENT, None),
    "governed_runs.last_landed_at": Made(_MOMENT, None),
    "first_start_tick": Made(_TICK, None),
    "plane_utilisation.first_start_tick": Made(_TICK),
    "int_phase_keys__stretches.first_start_tick": Made(_TICK),
    "last_start_tick": Made(_TICK, None),
    "last_end_tick": Made(_TICK),
    "first_start_us": Made(_TIME, None),
    "last_start_us": Made(_TIME, None),
    "last_end_us": Made(_TIME, None),
    # what the proposer's log says
    "decision_time_ns": Made("bigint", ("now_us",)),
    "decision_time_us": Made(_TIME, ("now_us",)),
    "logged_phase_key": Made(_PHASE_KEY, None),
    "logged_line_no": Made(like("line_no"), None),
    # loads, as the builds saw them
    "model": Made("varchar(64)"),
    "has_come": Made("boolean"),
    "status": Made(_STATUS),
    "seen_in": Made("varchar(64)"),
    "remembered_status": Made(_STATUS, None),
    "built_status": Made(_STATUS, None),
    "first_tick": Made(_TICK, ("start",)),
    "last_tick": Made(_TICK, ("start",)),
    "from_tick": Made(_TICK, None),
    "int_phase_keys__timeline_changes.from_tick": Made(_TICK),
    "from_row_no": Made(like("row_no"), None),
    "load_started_at": Made(_MOMENT),
    # snapshots
    "id": Made("bigint"),
    "snapshot_id": Made("bigint"),
    "snapshot_rule_id": Made("varchar(64)"),
    "snapshot_created_at": Made(_MOMENT),
    "event_load_id": Made(like("load_id")),
    "event_line_no": Made(like("line_no")),
    "event_taken_at": Made(_MOMENT),
    "is_complete": Made("boolean"),
    "missing_inputs": Made("varchar(64)", None),
    "retaken_as": Made("bigint"),
    "retaken_at": Made(_MOMENT),
    "retaken_by": Made("varchar(255)"),
    "reason": Made("varchar(1000)"),
    "column_name": Made("varchar(64)"),
    "event_value": Made(_VALUE_AS_TEXT, None),
    "joined_value": Made(_VALUE_AS_TEXT, None),
    "frozen_value": Made(_VALUE_AS_TEXT, None),
    "current_value": Made(_VALUE_AS_TEXT, None),
    "current_load_id": Made(like("load_id"), None),
    "current_line_no": Made(like("line_no"), None),
    "event_count": Made(_COUNT),
    "incomplete_count": Made(_COUNT),
    "matched_count": Made(_COUNT),
    "missing_trace_count": Made(_COUNT),
    "missing_fallback_count": Made(_COUNT),
    "missing_reservation_count": Made(_COUNT),
    # runs, and what followed a shutdown: a difference of two INT needs BIGINT
    "step_count": Made(_COUNT),
    "shutdown_count": Made(_COUNT),
    "first_step": Made(like("step"), None),
    "last_step": Made(like("step"), None),
    "first_shutdown_step": Made(like("shutdown_step"), None),
    "steps_after_shutdown": Made("bigint", ("step", "shutdown_step")),
    "veto_streak_difference": Made("bigint", None),
    "steps_after_first_shutdown": Made("bigint", None),
    "is_shutdown_step": Made("boolean"),
    "is_after_shutdown": Made("boolean"),
    "shutdown_trigger_meaning": Made(_MEANING, None),
    "fallback_stage_meaning": Made(_MEANING, None),
    "fallback_severity": Made("int", None),
    "is_current_rule": Made("boolean"),
    "retake_count": Made(_COUNT),
    "last_retaken_at": Made(_MOMENT, None),
    "drifted_column_count": Made(_COUNT, None),
    "max_veto_streak": Made(like("veto_streak"), None),
}
_MEASURES = ("SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "fallback_score", "risk_score_total")
_COUNTED = (
    "file", "row", "case", "design", "shutdown_design", "snapshot", "retaken", "drifted", "segment", "proposal",
    "operation", "log_line", "timeline_row", "run", "die", "plane", "period",
)  # fmt: skip
MADE |= {f"{name}_count": Made(_COUNT) for name in _COUNTED}
MADE |= {f"max_{name}": Made(like(name), None) for name in _MEASURES}
MADE |= {f"{name}_difference": Made(like(name), None) for name in _MEASURES}
for _input in ("trace", "fallback", "reservation"):
    MADE |= {
        f"{_input}_load_id": Made(like("load_id"), None),
        f"{_input}_line_no": Made(like("line_no"), None),
        f"{_input}_taken_at": Made(_MOMENT, None),
        f"is_{_input}_found": Made("boolean"),
    }
