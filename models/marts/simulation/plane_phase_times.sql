-- For how long each phase key held on each plane. The last-started segment holds (design section 5), so that the times
-- add up to the plane's time from its first segment's start to its last one's end.
-- Grain: one row for each session, die, plane and phase key.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_landing__load_changes",
    replace_on=["session_id"],
    post_hook="{{ note_built_loads() }}",
) }}

with changed_sessions as (

    {{ changed_sessions() | indent }}

),

state_times as (

    select
        sessions.session_id,
        times.die,
        times.plane,
        times.state_no,
        {{ as_bigint("sum(times.segment_count)") }} as segment_count,
        {{ as_bigint("sum(times.held_ticks)") }} as segment_ticks,
        {{ as_bigint("sum(times.gap_count)") }} as gap_count,
        {{ as_bigint("sum(times.gap_ticks)") }} as gap_ticks
    from changed_sessions as sessions
    inner join {{ ref("int_phase_keys__stretch_states") }} as times on sessions.session_no = times.session_no
    group by sessions.session_id, times.die, times.plane, times.state_no

),

-- a state holds for the time of its segment, its base's END for the gap that follows
key_times as (

    {% for period, phase_key in [("segment", "states.op_state"), ("gap", "concat(states.op_base, '.END')")] -%}
    select
        times.session_id,
        times.die,
        times.plane,
        {{ phase_key }} as phase_key,
        {{ period == "gap" }} as is_virtual_end,
        times.{{ period }}_count as period_count,
        times.{{ period }}_ticks as held_ticks
    from state_times as times
    inner join {{ ref("int_phase_keys__states") }} as states on times.state_no = states.state_no
    where times.{{ period }}_count > 0
    {{- "\n    union all\n    " if not loop.last }}
    {%- endfor %}

),

summed_times as (

    select
        session_id,
        die,
        plane,
        phase_key,
        max(is_virtual_end) as is_virtual_end,
        {{ as_bigint("sum(period_count)") }} as period_count,
        {{ as_bigint("sum(held_ticks)") }} as held_ticks
    from key_times
    group by session_id, die, plane, phase_key

),

plane_phase_times as (

    select
        times.session_id,
        times.die,
        times.plane,
        times.phase_key,
        times.is_virtual_end,
        op_states.is_on_bus,
        times.period_count,
        times.held_ticks,
        times.held_ticks / 1e2 as held_us,
        times.held_ticks * 1e0
        / nullif(sum(times.held_ticks) over (partition by times.session_id, times.die, times.plane), 0)
            as share_of_plane
    from summed_times as times
    left join {{ ref("nand_op_states") }} as op_states on {{ state_name("times.phase_key") }} = op_states.state

)

select * from plane_phase_times
