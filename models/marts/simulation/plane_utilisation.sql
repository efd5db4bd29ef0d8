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

times as (

    select
        sessions.session_id,
        stretches.die,
        stretches.plane,
        {% for column in ["segment_count", "segment_ticks", "busy_ticks", "virtual_end_ticks"] -%}
        {{ as_bigint("sum(stretches." ~ column ~ ")") }} as {{ column }},
        {% endfor -%}
        min(stretches.first_start_tick) as first_start_tick,
        max(stretches.last_end_tick) as last_end_tick
    from changed_sessions as sessions
    inner join {{ ref("int_phase_keys__stretches") }} as stretches on sessions.session_no = stretches.session_no
    group by sessions.session_id, stretches.die, stretches.plane

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
