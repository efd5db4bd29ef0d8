-- How busy each plane was. Segments overlap and leave gaps, so that the sum of their lengths says nothing: `busy_ticks`
-- is the length of their union, counted once. Grain: one row for each session, die and plane.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_landing__load_changes",
    replace_on=["session_id"],
    pre_hook="{{ make_room_to_sort() }}",
    post_hook="{{ note_built_loads(upstream=['int_phase_keys__segments']) }}",
) }}

with changed_sessions as (

    {{ changed_sessions() | indent }}

),

segments as (

    select
        segments.*,
        next_segments.start_tick as next_start_tick
    from changed_sessions as sessions
    inner join {{ ref("int_phase_keys__segments") }} as segments on sessions.session_no = segments.session_no
    left join {{ ref("int_phase_keys__segments") }} as next_segments
        on
            {{ same_key("segments", "next_segments", ["session_no", "die", "plane"]) }}
            and segments.segment_no + 1 = next_segments.segment_no

),

busy_times as (

    {{ busy_times("segments") | indent }}

),

segment_times as (

    select
        session_no,
        die,
        plane,
        count(*) as segment_count,
        {{ as_bigint("sum(end_tick - start_tick)") }} as segment_ticks,
        {{ as_bigint("coalesce(sum(case when next_start_tick > end_tick then next_start_tick - end_tick end), 0)") }}
            as virtual_end_ticks
    from segments
    group by session_no, die, plane

),

plane_utilisation as (

    select
        sessions.session_id,
        busy_times.die,
        busy_times.plane,
        segment_times.segment_count,
        busy_times.first_start_tick,
        busy_times.last_end_tick,
        busy_times.last_end_tick - busy_times.first_start_tick as span_ticks,
        busy_times.busy_ticks,
        segment_times.segment_ticks - busy_times.busy_ticks as overlap_ticks,
        segment_times.virtual_end_ticks,
        busy_times.busy_ticks / 1e2 as busy_us,
        segment_times.virtual_end_ticks / 1e2 as virtual_end_us,
        busy_times.busy_ticks * 1e0
        / nullif(busy_times.last_end_tick - busy_times.first_start_tick, 0) as utilisation
    from busy_times
    inner join segment_times
        on {{ same_key("busy_times", "segment_times", ["session_no", "die", "plane"]) }}
    inner join changed_sessions as sessions on busy_times.session_no = sessions.session_no

)

select * from plane_utilisation
