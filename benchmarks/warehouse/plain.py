"""The best plain SQL: windows over narrow columns, an index, and for each proposal a look-up of its segment.

The look-up is a correlated subquery, or LATERAL, which MySQL has and MariaDB 10.11 has not.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.warehouse.contender import Order

BUFFERS = {
    "mariadb": "set session sort_buffer_size = 268435456, tmp_memory_table_size = 536870912, "
    "max_heap_table_size = 536870912",
    "mysql": "set session sort_buffer_size = 268435456, tmp_table_size = 536870912",
}
ACTIVE = "{landing}.landing_loads as loads on landed._load_id = loads.load_id and loads.status = 'landed'"
TICK = "cast(round({} / 1e-2) as signed)"
SESSIONS = """
insert into int_phase_keys__sessions (session_no, session_id)
select row_number() over (order by session_id), session_id
from (select distinct session_id from {landing}.landing_loads where status = 'landed' and session_id <> '') as found
"""
RUNS = """
insert into int_phase_keys__runs (run_no, session_id, run_id, load_id)
select row_number() over (order by session_id, run_id), session_id, run_id, load_id
from {landing}.landing_loads where status = 'landed' and kind = 'nand_op_state_timeline'
"""
STATES = """
insert into int_phase_keys__states (state_no, op_state, op_base, state)
select
    row_number() over (order by op_state), op_state,
    left(op_state, char_length(op_state) - char_length(substring_index(op_state, '.', -1)) - 1),
    substring_index(op_state, '.', -1)
from (select distinct op_state from {landing}.nand_op_state_timeline) as found
"""
SEGMENTS = """
insert into int_phase_keys__segments (
    session_no, die, plane, segment_no, state_no, run_no, row_no, start_tick, end_tick,
    previous_state_no, previous_end_tick, next_start_tick
)
select
    session_no, die, plane, row_number() over timeline, state_no, run_no, row_no, start_tick, end_tick,
    lag(state_no) over timeline, lag(end_tick) over timeline, lead(start_tick) over timeline
from (
    select
        *, row_number() over (
            partition by session_no, die, plane, start_tick, state_no order by run_order desc, row_no desc
        ) as version_no
    from (
        select
            sessions.session_no, landed.die, landed.plane, {start} as start_tick, {end} as end_tick,
            states.state_no, runs.run_no, runs.run_order, landed._row_no as row_no
        from {landing}.nand_op_state_timeline as landed
        inner join (
            select
                *, row_number() over (partition by session_id order by char_length(run_id), run_id) as run_order
            from int_phase_keys__runs
        ) as runs on landed._load_id = runs.load_id
        inner join int_phase_keys__sessions as sessions on runs.session_id = sessions.session_id
        inner join int_phase_keys__states as states on landed.op_state = states.op_state
    ) as landed_segments
) as versions
where version_no = 1
window timeline as (partition by session_no, die, plane order by start_tick, run_order, row_no)
"""
INDEX = "create index by_tick on int_phase_keys__segments (session_no, die, plane, start_tick, segment_no)"
NO_INDEX = "drop index by_tick on int_phase_keys__segments"
PROPOSALS = """
select
    sessions.session_no, loads.session_id, loads.run_id, landed._row_no as row_no,
    landed.op_uid, landed.op_name, landed.op_base,
    if(phase_hook_die is null or phase_hook_plane is null, die, phase_hook_die) as key_die,
    if(phase_hook_die is null or phase_hook_plane is null, plane, phase_hook_plane) as key_plane,
    {time} as propose_tick,
    coalesce(phase_key_time, start_us) as propose_time_us,
    if(phase_hook_die is null or phase_hook_plane is null, 'operation', 'hook') as context_source,
    coalesce(phase_key, 'DEFAULT') as phase_key_used
from {landing}.nand_proposal_rows as landed
inner join {active}
inner join int_phase_keys__sessions as sessions on loads.session_id = sessions.session_id
"""
LOOK_UP = """
select found.segment_no
from int_phase_keys__segments as found {hint}
where
    found.session_no = proposals.session_no and found.die = proposals.key_die and found.plane = proposals.key_plane
    and found.start_tick <= proposals.propose_tick
order by found.start_tick desc, found.segment_no desc limit 1
"""
KEYS = """
insert into proposal_phase_keys
select
    proposals.session_id, proposals.run_id, proposals.row_no, proposals.op_uid, proposals.op_name, proposals.op_base,
    proposals.key_die, proposals.key_plane, propose_tick, propose_time_us, context_source, phase_key_used,
    case
        when states.state_no is null then 'DEFAULT'
        when propose_tick >= segments.end_tick then concat(states.op_base, '.END')
        else states.op_state
    end,
    case
        when states.state_no is null then 'DEFAULT'
        when propose_tick >= segments.end_tick then concat(states.op_base, '.END')
        when
            segments.previous_end_tick <= propose_tick
            and (states.state = 'ISSUE' or segments.start_tick = propose_tick)
            then concat(earlier.op_base, '.END')
        when states.state = 'ISSUE' then 'DEFAULT'
        else states.op_state
    end,
    segments.segment_no, case when propose_tick < segments.end_tick then states.op_state end
from looked_up as proposals
left join int_phase_keys__segments as segments
    on
        proposals.session_no = segments.session_no and proposals.key_die = segments.die
        and proposals.key_plane = segments.plane and proposals.found_no = segments.segment_no
left join int_phase_keys__states as states on segments.state_no = states.state_no
left join int_phase_keys__states as earlier on segments.previous_state_no = earlier.state_no
"""
CORRELATED = "select proposals.*, ({look_up}) as found_no from ({proposals}) as proposals"
LATERAL = (
    "select proposals.*, looked_up.segment_no as found_no from ({proposals}) as proposals "
    "left join lateral ({look_up}) as looked_up on true"
)


def prepare_correlated(order: Order) -> Callable[[], None]:
    """Return the way with a correlated subquery."""
    return lambda: _make(order, CORRELATED)


def prepare_lateral(order: Order) -> Callable[[], None]:
    """Return the way with LATERAL."""
    return lambda: _make(order, LATERAL)


def _make(order: Order, way: str) -> None:
    landing = order.landing
    time = TICK.format("coalesce(phase_key_time, start_us)")
    proposals = PROPOSALS.format(landing=landing, active=ACTIVE.format(landing=landing), time=time)
    look_up = LOOK_UP.format(hint="force index (by_tick)")
    statements = [
        BUFFERS[order.engine],
        *(statement.format(landing=landing) for statement in (SESSIONS, RUNS, STATES)),
        SEGMENTS.format(landing=landing, start=TICK.format("landed.`start`"), end=TICK.format("landed.`end`")),
        INDEX,
        # kept, since a join would ask for the same segment more than once
        f"create temporary table looked_up as {way.format(proposals=proposals, look_up=look_up)}",
        KEYS,
        NO_INDEX,
    ]
    with order.connect() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
