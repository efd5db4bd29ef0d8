-- Each segment of each plane's timeline with its neighbours, and the `<BASE>.END` gap that follows (design section 5).
-- Grain: one row per segment. A view: the numbers are in int_phase_keys__segments; this view adds the texts and
-- the neighbours, found by number.
{%- set plane = ["session_no", "die", "plane"] %}
{%- set has_gap = "coalesce(next_segments.start_tick > segments.end_tick, true)" %}

with segments as (

    select * from {{ ref("int_phase_keys__segments") }}

),

states as (

    select * from {{ ref("int_phase_keys__states") }}

),

op_state_spans as (

    select
        sessions.session_id,
        segments.die,
        segments.plane,
        segments.segment_no,
        states.op_base,
        states.state,
        segments.start_tick,
        segments.end_tick,
        segments.start_tick / 1e2 as start_us,
        segments.end_tick / 1e2 as end_us,
        previous_states.op_base as previous_op_base,
        previous_segments.end_tick as previous_end_tick,
        next_segments.start_tick as next_start_tick,
        -- no END where the next segment starts before this one is over, or just then
        case when {{ has_gap }} then concat(states.op_base, '.END') end as virtual_end_key,
        case when {{ has_gap }} then segments.end_tick end as virtual_end_from_tick,
        case when {{ has_gap }} then next_segments.start_tick end as virtual_end_until_tick,
        runs.run_id,
        runs.load_id,
        segments.row_no
    from segments
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on segments.session_no = sessions.session_no
    -- every segment has these; left joins, since MariaDB then passes over what a query asks nothing of, and so below
    left join states on segments.state_no = states.state_no
    left join {{ ref("int_phase_keys__runs") }} as runs on segments.run_no = runs.run_no
    left join (
        segments as previous_segments
        inner join states as previous_states on previous_segments.state_no = previous_states.state_no
    )
        on
            {{ same_key("segments", "previous_segments", plane) }}
            and segments.segment_no - 1 = previous_segments.segment_no
    left join segments as next_segments
        on
            {{ same_key("segments", "next_segments", plane) }}
            and segments.segment_no + 1 = next_segments.segment_no

)

select * from op_state_spans
