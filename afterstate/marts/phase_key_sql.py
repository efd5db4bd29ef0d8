"""SQL over the phase-key marts: the one module that knows the names of their columns.

Data flow: schema names -> statements with `%s` for values, which `afterstate.report` and `afterstate.explain`
run. Every statement reads marts only, so that the read-only account may run it.
"""

from __future__ import annotations

from afterstate.phase_key import Boundary
from afterstate.warehouse.layout import Schemas

# The column of `proposal_phase_keys` that holds the true key under each boundary.
KEY_COLUMNS: dict[Boundary, str] = {"covering": "phase_key_covering", "before": "phase_key_before"}
KEYS = ", ".join(KEY_COLUMNS.values())
MARTS = (
    "op_state_spans",
    "proposal_phase_keys",
    "phase_proposal_counts",
    "op_state_op_name_counts",
    "proposer_log_mismatches",
)


def lanes(schemas: Schemas) -> str:
    """Return the statement for each plane: session, die, plane, how many segments and virtual END gaps."""
    return (
        "select session_id, die, plane, count(*), count(virtual_end_key) "
        f"from {schemas.table('marts', 'op_state_spans')} "
        "group by session_id, die, plane order by session_id, die, plane"
    )


def spans(schemas: Schemas) -> str:
    """Return the statement for a plane's segments from a tick on (session_id, die, plane, tick)."""
    return (
        f"select start_tick, end_tick, op_base, state from {schemas.table('marts', 'op_state_spans')} "
        "where session_id = %s and die = %s and plane = %s and start_tick >= %s order by segment_no"
    )


def nth_last_start(schemas: Schemas) -> str:
    """Return the statement for the tick from which on a session has n segments at least (session_id, n - 1)."""
    return (
        f"select start_tick from {schemas.table('marts', 'op_state_spans')} where session_id = %s "
        "order by start_tick desc limit 1 offset %s"
    )


def last_started(schemas: Schemas) -> str:
    """Return the statement for the last-started segment and the one before it (session_id, die, plane, tick)."""
    return (
        "select segment_no, op_base, state, start_us, end_us, start_tick, end_tick, next_start_tick "
        f"from {schemas.table('marts', 'op_state_spans')} "
        "where session_id = %s and die = %s and plane = %s and start_tick <= %s order by segment_no desc limit 2"
    )


def runs(schemas: Schemas) -> str:
    """Return the statement for each run's proposals: session, run, how many, first and last tick."""
    return (
        "select session_id, run_id, count(*), min(propose_tick), max(propose_tick) "
        f"from {schemas.table('marts', 'proposal_phase_keys')} group by session_id, run_id "
        "order by session_id, char_length(run_id), run_id"
    )


def proposals(schemas: Schemas) -> str:
    """Return the statement for a session's proposals from a tick on (session_id, tick), by plane and time."""
    return (
        f"select key_die, key_plane, propose_tick, run_id, row_no, op_name, phase_key_used, "
        f"{KEYS} from {schemas.table('marts', 'proposal_phase_keys')} "
        "where session_id = %s and propose_tick >= %s order by key_die, key_plane, propose_tick, run_id, row_no"
    )


def proposal(schemas: Schemas) -> str:
    """Return the statement for one proposal (session_id, run_id, row_no)."""
    return (
        "select op_uid, op_name, op_base, key_die, key_plane, propose_tick, propose_time_us, context_source, "
        f"phase_key_used, {KEYS} "
        f"from {schemas.table('marts', 'proposal_phase_keys')} where session_id = %s and run_id = %s and row_no = %s"
    )


def proposed_at(schemas: Schemas) -> str:
    """Return the statement for what a run proposed at a place and tick (session_id, die, plane, tick, run_id)."""
    return (
        f"select distinct op_name from {schemas.table('marts', 'proposal_phase_keys')} "
        "where session_id = %s and key_die = %s and key_plane = %s and propose_tick = %s and run_id = %s"
    )


def key_pairs(schemas: Schemas) -> str:
    """Return the statement for how often each used key met each true one, by boundary, session and run."""
    return (
        "select boundary, session_id, run_id, phase_key_used, phase_key_virtual, cast(sum(count) as signed) "
        f"from {schemas.table('marts', 'phase_proposal_counts')} "
        "group by boundary, session_id, run_id, phase_key_used, phase_key_virtual"
    )


def state_operations(schemas: Schemas) -> str:
    """Return the statement for how often each operation was proposed at each true key, by boundary, session, run."""
    return (
        "select boundary, session_id, run_id, phase_key, op_name, count "
        f"from {schemas.table('marts', 'op_state_op_name_counts')}"
    )


def log_mismatches(schemas: Schemas) -> str:
    """Return the statement for proposals whose used key their run's log does not confirm."""
    return (
        "select session_id, run_id, row_no, op_name, phase_key_used, logged_phase_key, logged_line_no "
        f"from {schemas.table('marts', 'proposer_log_mismatches')} order by session_id, run_id, row_no"
    )
