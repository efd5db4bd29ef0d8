{%- set plane = ["session_no", "die", "plane"] %}
-- How long each stretch of a plane's timeline is busy: 1024 segments, and the time until the next stretch starts.
-- Grain: one row per session, die, plane and stretch. A build computes a timeline again from the stretch of its first
-- change on. Of the earlier stretches it needs only the time at which their last segment ends.
-- depends_on: {{ ref("int_phase_keys__timeline_changes") }}
{{ config(
    pre_hook="{{ make_room_to_sort() }}",
) }}

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

kept as (

    select
        stretches.{{ plane | join(",\n        stretches.") }},
        max(stretches.last_end_tick) as runs_until_tick
    from first_stretches
    inner join {{ this }} as stretches on {{ same_key("first_stretches", "stretches", plane) }}
    where stretches.stretch_no < first_stretches.first_stretch_no
    group by stretches.{{ plane | join(", stretches.") }}

),

{% endif -%}
segments as (

    {{ segments_in_stretches("first_stretches") | indent }}

),

busy_times as (

    {{ busy_times("segments", kept="kept" if is_incremental() else none) | indent }}

),

stretch_times as (

    select
        {{ (plane + ["stretch_no"]) | join(",\n        ") }},
        min(start_tick) as first_start_tick,
        max(end_tick) as last_end_tick,
        case when count(next_start_tick) = count(*) then max(next_start_tick) end as next_start_tick
    from segments
    group by {{ (plane + ["stretch_no"]) | join(", ") }}

),

int_phase_keys__stretches as (

    select
        times.*,
        {{ as_bigint("coalesce(busy_times.busy_ticks, 0)") }} as busy_ticks
    from stretch_times as times
    left join busy_times on {{ same_key("times", "busy_times", plane + ["stretch_no"]) }}

)

select * from int_phase_keys__stretches
