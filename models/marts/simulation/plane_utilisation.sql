-- How busy each plane was. Segments overlap and leave gaps, so that the sum of their lengths says nothing: `busy_ticks`
-- is the length of their union, counted once. Grain: one row for each session, die and plane.
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

busy_times as (

    select
        session_no,
        die,
        plane,
        {{ as_bigint("sum(busy_ticks)") }} as busy_ticks,
        min(first_start_tick) as first_start_tick,
        max(last_end_tick) as last_end_tick
    from {{ ref("int_phase_keys__stretches") }}
    where session_no in (select session_no from changed_sessions)
    group by session_no, die, plane

),

state_times as (

    select
        session_no,
        die,
        plane,
        {{ as_bigint("sum(segment_count)") }} as segment_count,
        {{ as_bigint("sum(segment_ticks)") }} as segment_ticks,
        {{ as_bigint("sum(gap_ticks)") }} as virtual_end_ticks
    from {{ ref("int_phase_keys__stretch_states") }}
    where session_no in (select session_no from changed_sessions)
    group by session_no, die, plane

),

times as (

    select
        sessions.session_id,
        busy_times.*,
        state_times.segment_count,
        state_times.segment_ticks,
        state_times.virtual_end_ticks
    from changed_sessions as sessions
    inner join busy_times on sessions.session_no = busy_times.session_no
    inner join state_times on {{ same_key("busy_times", "state_times", ["session_no", "die", "plane"]) }}

),

plane_utilisation as (

    select
        session_id,
        die,
        plane,
        segment_count,
        first_start_tick,
        last_end_tick,
        last_end_tick - first_start_tick as span_ticks,
        busy_ticks,
        segment_ticks - busy_ticks as overlap_ticks,
        virtual_end_ticks,
        busy_ticks / 1e2 as busy_us,
        virtual_end_ticks / 1e2 as virtual_end_us,
        busy_ticks * 1e0 / nullif(last_end_tick - first_start_tick, 0) as utilisation
    from times

)

select * from plane_utilisation
