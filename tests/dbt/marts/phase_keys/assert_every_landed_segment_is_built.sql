-- A segment that a landed timeline states and that is missing from the phase keys' segments, one that nobody states,
-- and one that is there twice. Loads that arrive during the build are picked up by the next one.
{{ config(tags="full") }}

with stated as (

    select
        sessions.session_no,
        segments.die,
        segments.plane,
        segments.start_tick,
        states.state_no,
        max(loads.load_id) as load_id
    from {{ ref("int_landing__built_loads") }} as built
    inner join {{ ref("stg_landing__loads") }} as loads on built.load_id = loads.load_id
    inner join {{ ref("stg_nand__op_state_segments") }} as segments on loads.load_id = segments.load_id
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on loads.session_id = sessions.session_id
    inner join {{ ref("int_phase_keys__states") }} as states on segments.op_state = states.op_state
    where built.model = 'int_phase_keys__segments'
    group by sessions.session_no, segments.die, segments.plane, segments.start_tick, states.state_no

),

-- counted together, not joined: the segments have no index by start and state
counted as (

    select
        session_no,
        die,
        plane,
        start_tick,
        state_no,
        load_id,
        1 as stated_count,
        0 as built_count
    from stated
    union all
    select
        session_no,
        die,
        plane,
        start_tick,
        state_no,
        null as load_id,
        0 as stated_count,
        1 as built_count
    from {{ ref("int_phase_keys__segments") }}

)

select
    session_no,
    die,
    plane,
    start_tick,
    state_no,
    max(load_id) as load_id
from counted
group by session_no, die, plane, start_tick, state_no
having sum(stated_count) <> sum(built_count)
