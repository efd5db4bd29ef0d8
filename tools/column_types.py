"""Compare the models' contracts with what lands: one type for each column, NOT NULL only where landing sees to it.

The landing kinds (`loaders`) are the source. `MADE` says how the warehouse makes the columns that no file has,
`ROWS_OF` of which kind a model's rows come. What could land and not be held is found here, before any build stops:

    python -m tools.column_types       # called by script/lint
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.dialects import mysql

from afterstate.warehouse.layout import Schemas
from loaders.proposer_log import FILLED
from loaders.recognise import KINDS, kind_named
from loaders.tables import landing_tables

MODELS = Path(__file__).resolve().parent.parent / "models"
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


def _like(landed: str) -> str:
    return next(iter(LANDED[landed].values()))


_PHASE_KEY, _COUNT, _TICK, _TIME = _like("phase_key"), "bigint", "bigint", _like("start")
_VALUE_AS_TEXT, _STATUS, _MOMENT = "varchar(255)", "varchar(16)", "datetime(6)"
_NAME, _MEANING = _like("op_name"), "varchar(255)"

# By column, or by model.column where a model makes a column of that name in its own way.
MADE: dict[str, Made] = {
    # segments
    "op_base": Made(_like("op_base"), ("op_state",)),
    "state": Made(_like("op_state"), ("op_state",)),
    "op_state": Made(_PHASE_KEY, None),
    "session_no": Made("int"),
    "run_no": Made("int"),
    "state_no": Made("int"),
    "segment_no": Made("int"),
    "proposal_phase_keys.segment_no": Made("int", None),
    "start_tick": Made(_TICK, ("start",)),
    "end_tick": Made(_TICK, ("end",)),
    "previous_end_tick": Made(_TICK, None),
    "next_start_tick": Made(_TICK, None),
    # proposals and their phase keys; a proposal without its hook has its own die, plane and time
    "key_die": Made(_like("die"), ("die",)),
    "key_plane": Made(_like("plane"), ("plane",)),
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
    "last_start_tick": Made(_TICK, None),
    "last_end_tick": Made(_TICK),
    "first_start_us": Made(_TIME, None),
    "last_start_us": Made(_TIME, None),
    "last_end_us": Made(_TIME, None),
    # what the proposer's log says
    "decision_time_ns": Made("bigint", ("now_us",)),
    "decision_time_us": Made(_TIME, ("now_us",)),
    "logged_phase_key": Made(_PHASE_KEY, None),
    "logged_line_no": Made(_like("line_no"), None),
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
    "from_row_no": Made(_like("row_no"), None),
    "load_started_at": Made(_MOMENT),
    # snapshots
    "id": Made("bigint"),
    "snapshot_id": Made("bigint"),
    "snapshot_rule_id": Made("varchar(64)"),
    "snapshot_created_at": Made(_MOMENT),
    "event_load_id": Made(_like("load_id")),
    "event_line_no": Made(_like("line_no")),
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
    "current_load_id": Made(_like("load_id"), None),
    "current_line_no": Made(_like("line_no"), None),
    "event_count": Made(_COUNT),
    "incomplete_count": Made(_COUNT),
    "matched_count": Made(_COUNT),
    "missing_trace_count": Made(_COUNT),
    "missing_fallback_count": Made(_COUNT),
    "missing_reservation_count": Made(_COUNT),
    # runs, and what followed a shutdown: a difference of two INT needs BIGINT
    "step_count": Made(_COUNT),
    "shutdown_count": Made(_COUNT),
    "first_step": Made(_like("step"), None),
    "last_step": Made(_like("step"), None),
    "int_shutdown__trace_extremes.first_step": Made(_like("step"), ("step",)),
    "int_shutdown__trace_extremes.last_step": Made(_like("step"), ("step",)),
    "first_shutdown_step": Made(_like("shutdown_step"), None),
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
    "max_veto_streak": Made(_like("veto_streak"), None),
}
_MEASURES = ("SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "fallback_score", "risk_score_total")
_COUNTED = (
    "file", "row", "case", "design", "shutdown_design", "snapshot", "retaken", "drifted", "segment", "proposal",
    "operation", "log_line", "run", "die", "plane", "period",
)  # fmt: skip
MADE |= {f"{name}_count": Made(_COUNT) for name in _COUNTED}
MADE |= {f"max_{name}": Made(_like(name), None) for name in _MEASURES}
MADE |= {f"{name}_difference": Made(_like(name), None) for name in _MEASURES}
for _input in ("trace", "fallback", "reservation"):
    MADE |= {
        f"{_input}_load_id": Made(_like("load_id"), None),
        f"{_input}_line_no": Made(_like("line_no"), None),
        f"{_input}_taken_at": Made(_MOMENT, None),
        f"is_{_input}_found": Made("boolean"),
    }

# The kind of which a model's rows come, and the kind of line in a log. A model that is not named here takes for filled
# only what every kind fills.
ROWS_OF: dict[str, tuple[str, str]] = {
    "int_phase_keys__load_contents": ("nand_op_state_timeline", ""),
    "int_phase_keys__segments": ("nand_op_state_timeline", ""),
    "int_phase_keys__states": ("nand_op_state_timeline", ""),
    "nand_operations": ("nand_operation_timeline", ""),
    "plane_phase_times": ("nand_op_state_timeline", ""),
    "plane_utilisation": ("nand_op_state_timeline", ""),
    "proposal_phase_keys": ("nand_proposal_rows", ""),
    "phase_proposal_counts": ("nand_proposal_rows", ""),
    "op_state_op_name_counts": ("nand_proposal_rows", ""),
    "proposer_log_mismatches": ("nand_proposal_rows", ""),
    "int_phase_keys__decisions": ("nand_proposer_log", "phase_key"),
}
# Models that hold rows of a landing table once more; what has no type of its own there is text here.
COPIES = {"restored_loads": "landing_loads", "restored_rejects": "landing_rejects"}
_AS_TEXT = {"json": "longtext", "char(64)": "varchar(64)"}


def find_problems(models: Path) -> Iterator[str]:
    """Yield what is wrong with the contracts in a folder of models, file first, and with the landed columns."""
    for name, types in LANDED.items():
        if len(set(types.values())) > 1:
            yield f"loaders: `{name}` lands with several types: {types}"
    for path in sorted(models.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            if model.get("config", {}).get("contract", {}).get("enforced"):
                for problem in _problems_of(model):
                    yield f"{path.relative_to(models.parent)}: {problem}"


def _problems_of(model: dict[str, Any]) -> Iterator[str]:
    keys = [each["columns"] for each in model.get("constraints", []) if each["type"] == "primary_key"]
    for column in model["columns"]:
        name, written = column["name"], column["data_type"]
        expected = _type(model["name"], name)
        if expected is None:
            yield f"`{name}` is in no file that lands; say in tools/column_types.py how it is made"
            continue
        if written != expected:
            yield f"`{name}` is {written}, expected {expected}"
        is_key = any(name in key for key in keys)
        if is_key or any(constraint["type"] == "not_null" for constraint in column.get("constraints", [])):
            may_be_null = _may_be_null(model["name"], name)
            if may_be_null:
                yield f"`{name}` is NOT NULL, but {may_be_null}"


def _made(model: str, column: str) -> Made | None:
    return MADE.get(f"{model}.{column}") or MADE.get(column)


def _type(model: str, column: str) -> str | None:
    """Return the one type of a column: that with which it lands, else that with which it is made."""
    copied = TABLES[COPIES[model]].get(column) if model in COPIES else None
    if copied:
        return _AS_TEXT.get(copied, copied)
    if column in LANDED:
        return _like(column)
    made = _made(model, column)
    return made.type if made else None


def _may_be_null(model: str, column: str) -> str:
    """Return why a column may be NULL; empty when landing or the model sees to it that it is not."""
    if model in COPIES:
        return ""
    made = _made(model, column)
    kind, line_kind = ROWS_OF.get(model, ("", ""))
    has_landed = column in {each.name for each in kind_named(kind).columns} if kind else column in LANDED
    if f"{model}.{column}" in MADE or (made and (made.needs == () or not has_landed)):
        if made is None or made.needs is None:
            return "tools/column_types.py says that it may be NULL"
        return next(filter(None, (_may_land_empty(name, kind, line_kind) for name in made.needs)), "")
    return _may_land_empty(column, kind, line_kind)


def _may_land_empty(column: str, kind: str, line_kind: str) -> str:
    """Return which kind lands rows that leave a column empty; an empty text when none does."""
    if column in (*OF_EVERY_LOAD, "row_no", "line_no") or column in FILLED.get(line_kind, ()):
        return ""
    for each in KINDS:
        is_asked_for = each.name == kind or not kind
        if is_asked_for and column in {known.name for known in each.columns} and each.takes_empty(column):
            return f"{each.name} may leave `{column}` empty"
    return ""


def main() -> int:
    """Print every problem and return the exit code."""
    problems = list(find_problems(MODELS))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
