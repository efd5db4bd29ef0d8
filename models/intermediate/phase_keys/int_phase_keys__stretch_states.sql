{%- set stretch = ["session_no", "die", "plane", "stretch_no"] %}
-- How often and for how long each stretch of a plane's timeline was in each state.
-- Grain: one row per session, die, plane, stretch and state. A build computes a timeline again from the stretch of its
-- first change on.
-- depends_on: {{ ref("int_phase_keys__timeline_changes") }}

with {% if is_incremental() -%}
changes as (

    select * from {{ ref("int_phase_keys__timeline_changes") }}
    where model = '{{ model.name }}'

),

first_segments as (

    {{ first_segments_from("changes", "from_tick", ref("int_phase_keys__segments")) | indent }}

),

first_stretches as (

    {{ first_stretches("first_segments") | indent }}

),

{% endif -%}
segments as (

    {{ segments_in_stretches("first_stretches") | indent }}

),

-- the last-started segment holds (design section 5)
state_times as (

    select
        {{ (stretch + ["state_no"]) | join(",\n        ") }},
        count(*) as segment_count,
        {{ as_bigint("sum(end_tick - start_tick)") }} as segment_ticks,
        {{ as_bigint("sum(least(end_tick, coalesce(next_start_tick, end_tick)) - start_tick)") }} as held_ticks,
        count(case when next_start_tick > end_tick then 1 end) as gap_count,
        {{ as_bigint("sum(greatest(coalesce(next_start_tick, end_tick) - end_tick, 0))") }} as gap_ticks
    from segments
    group by {{ (stretch + ["state_no"]) | join(", ") }}

),

int_phase_keys__stretch_states as (

    select
        times.*,
        stretches.next_start_tick
    from state_times as times
    inner join {{ ref("int_phase_keys__stretches") }} as stretches on {{ same_key("times", "stretches", stretch) }}

)

select * from int_phase_keys__stretch_states
