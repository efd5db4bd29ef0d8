-- Each segment of each plane's timeline with its neighbours, and the `<BASE>.END` gap that follows (design section 5).
-- Grain: one row per segment. A view: the numbers are in int_phase_keys__segments; this view adds the texts.
{%- set has_gap = "coalesce(segments.next_start_tick > segments.end_tick, true)" %}
{%- set states = ref("int_phase_keys__states") %}

with op_state_spans as (

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
        segments.previous_end_tick,
        segments.next_start_tick,
        -- no END where the next segment starts before this one is over, or just then
        case when {{ has_gap }} then concat(states.op_base, '.END') end as virtual_end_key,
        case when {{ has_gap }} then segments.end_tick end as virtual_end_from_tick,
        case when {{ has_gap }} then segments.next_start_tick end as virtual_end_until_tick,
        runs.run_id,
        runs.load_id,
        segments.row_no
    from {{ ref("int_phase_keys__segments") }} as segments
    inner join {{ ref("int_phase_keys__sessions") }} as sessions {{ hash_joined() }}
        on segments.session_no = sessions.session_no
    -- every segment has these; left joins, since MariaDB then passes over what a query asks nothing of
    left join {{ states }} as states {{ hash_joined() }} on segments.state_no = states.state_no
    left join {{ ref("int_phase_keys__runs") }} as runs {{ hash_joined() }} on segments.run_no = runs.run_no
    left join {{ states }} as previous_states {{ hash_joined() }}
        on segments.previous_state_no = previous_states.state_no

)

select * from op_state_spans
