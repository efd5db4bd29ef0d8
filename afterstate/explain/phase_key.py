"""Why a phase key is what it is: its context, the segments that decide, the row of the rule, the proposer's own log.

Data flow: `proposal_phase_keys` and `op_state_spans` (as built), landed rows (for files and lines) -> a dictionary, the
one that `--json` prints. Times are in µs, ticks are 0.01 µs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from afterstate.errors import AfterstateError, UsageError
from afterstate.explain.landed import choices, has_log, proposal_row, segment_statements
from afterstate.explain.rule import deciding_row
from afterstate.marts import phase_key_sql as sql
from afterstate.marts.sessions import require_built, require_run, require_session
from afterstate.phase_key import BOUNDARIES, Segment, phase_key, tick
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Warehouse

PROPOSAL = (
    "op_uid",
    "op_name",
    "op_base",
    "key_die",
    "key_plane",
    "propose_tick",
    "propose_time_us",
    "context_source",
    "phase_key_used",
    *BOUNDARIES,
)


def explain_proposal(warehouse: Warehouse, session: str, run: str, row_no: int) -> dict[str, Any]:
    """Explain the keys of a proposal; `row_no` counts its file's rows from 1.

    Raises AfterstateError for a session, run or row that is not there, and when files have landed since the last build.
    """
    require_run(warehouse, session, run)
    require_built(warehouse, session)
    schemas = warehouse.schemas
    with open_cursor(warehouse.dbt) as cursor:
        found = _proposal(cursor, schemas, session, run, row_no)
        place, landed = proposal_row(cursor, schemas, session, run, row_no)
        die, plane, at_tick = found["key_die"], found["key_plane"], found["propose_tick"]
        answer = {
            "session": session,
            "run": run,
            "row": row_no,
            "proposal": {**{name: found[name] for name in ("op_uid", "op_name", "op_base")}, "place": asdict(place)},
            "context": _context(found, landed),
            **_decided(cursor, schemas, session, die, plane, at_tick),
            "used": {"key": found["phase_key_used"], "is_default": landed["phase_key"] is None},
            "log": _log(cursor, schemas, session, run, found),
        }
    for boundary in BOUNDARIES:
        answer[boundary]["is_used"] = answer[boundary]["key"] == found["phase_key_used"]
        if answer[boundary]["key"] != found[boundary]:
            raise AfterstateError(
                f"proposal_phase_keys has `{found[boundary]}` for row {row_no}, but its segments mean "
                f"`{answer[boundary]['key']}`",
                "`afterstate build --full-refresh --select tag:nand` computes the keys again; please report this",
            )
    return answer


def explain_moment(warehouse: Warehouse, session: str, die: int, plane: int, time_us: float) -> dict[str, Any]:
    """Explain the keys of a plane at a time in µs, whether or not anything was proposed then.

    Raises UsageError for a time that is not finite, AfterstateError as `explain_proposal` does.
    """
    try:
        at_tick = tick(time_us)
    except ValueError as error:
        raise UsageError(f"`--at {time_us}`: {error}") from error
    require_session(warehouse, session)
    require_built(warehouse, session)
    with open_cursor(warehouse.dbt) as cursor:
        return {
            "session": session,
            "context": {"source": "asked", "die": die, "plane": plane, "time_us": time_us, "tick": at_tick},
            **_decided(cursor, warehouse.schemas, session, die, plane, at_tick),
        }


def _proposal(cursor: Any, schemas: Schemas, session: str, run: str, row_no: int) -> dict[str, Any]:
    cursor.execute(sql.proposal(schemas), (session, run, row_no))
    row = cursor.fetchone()
    if row is None:
        raise AfterstateError(
            f"run `{run}` of session `{session}` has no proposal in row {row_no}",
            "rows count from 1, the header not counted; a row that did not fit is in landing_rejects",
        )
    return dict(zip(PROPOSAL, row, strict=True))


def _context(found: dict[str, Any], landed: dict[str, Any]) -> dict[str, Any]:
    has_time = landed["phase_key_time"] is not None
    return {
        "source": found["context_source"],
        "die": found["key_die"],
        "plane": found["key_plane"],
        "time_us": found["propose_time_us"],
        "tick": found["propose_tick"],
        "time_from": "phase_key_time" if has_time else "start_us",
        "hook_label": landed["phase_hook_label"],
    }


def _decided(cursor: Any, schemas: Schemas, session: str, die: int, plane: int, at_tick: int) -> dict[str, Any]:
    """Find the last-started segment and the one before it, and what they mean under both boundaries."""
    cursor.execute(sql.last_started(schemas), (session, die, plane, at_tick))
    rows = [(row[0], Segment(*row[1:7]), row[7]) for row in cursor.fetchall()]
    current, previous = (*(segment for _, segment, _ in rows), None, None)[:2]
    described = [
        {
            "segment_no": number,
            **asdict(segment),
            "next_start_tick": following,
            "statements": [asdict(one) for one in segment_statements(cursor, schemas, session, die, plane, segment)],
        }
        for number, segment, following in rows
    ]
    row = deciding_row(current, previous, at_tick)
    answers: dict[str, Any] = {
        boundary: {
            "key": phase_key(current, previous, at_tick, boundary=boundary),
            "rule_row": row.number,
            "case": row.case,
            "answer": row.answer(boundary),
        }
        for boundary in BOUNDARIES
    }
    segment, before = (*described, None, None)[:2]
    return {"segment": segment, "segment_before": before, **answers}


def _log(cursor: Any, schemas: Schemas, session: str, run: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the run's log has of the proposal: the rule of `proposer_log_mismatches`."""
    if found["context_source"] != "hook":
        return {"verdict": "a proposal without its hook cannot be found in a log", "lines": []}
    if not has_log(cursor, schemas, session, run):
        return {"verdict": "no log of this run has landed", "lines": []}
    die, plane = found["key_die"], found["key_plane"]
    cursor.execute(sql.proposed_at(schemas), (session, die, plane, found["propose_tick"], run))
    proposed = {name for (name,) in cursor.fetchall()}
    said = choices(cursor, schemas, session, run, die, plane, found["propose_time_us"])
    lines = [one for one in said if one.op_name in proposed]
    if not lines:
        verdict = "has no line for this plane and time that led to what was proposed"
    elif any(one.phase_key == found["phase_key_used"] for one in lines):
        verdict = "confirms the used key"
    else:
        verdict = "says another key"
    return {"verdict": verdict, "lines": [asdict(one) for one in lines]}
