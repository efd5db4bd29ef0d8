{%- set length = 32 %}
{%- set plane = ["session_no", "die", "plane"] %}
-- How long each stretch of a plane's timeline is busy: 32 segments, and the time until the next stretch starts.
-- Grain: one row per session, die, plane and stretch. A build computes a timeline again from the stretch at or before
-- its first change. Of the earlier stretches it needs only the time at which their last segment ends.
-- depends_on: {{ ref("int_phase_keys__timeline_changes") }}
{{ config(
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_phase_keys__timeline_changes",
    replace_on=["session_no"],
    replace_where="coalesce(next_start_tick >= from_tick, true)",
    pre_hook="{{ make_room_to_sort() }}",
) }}

with {% if is_incremental() -%}
changes as (

    select * from {{ ref("int_phase_keys__timeline_changes") }}
    where model = '{{ model.name }}'

),

kept as (

    select
        stretches.{{ plane | join(",\n        stretches.") }},
        max(stretches.stretch_no) + 1 as first_stretch_no,
        max(stretches.next_start_tick) as first_tick,
        max(stretches.last_end_tick) as runs_until_tick
    from {{ this }} as stretches
    inner join changes on stretches.session_no = changes.session_no
    where stretches.next_start_tick < changes.from_tick
    group by stretches.{{ plane | join(", stretches.") }}

),

{% endif -%}
segments as (

    select
        segments.*,
        {{ as_bigint("floor((segments.segment_no - 1) / " ~ length ~ ")") }} as stretch_no,
        {{ "coalesce(kept.first_stretch_no, 0)" if is_incremental() else 0 }} as first_stretch_no
    from {{ ref("int_phase_keys__segments") }} as segments
    {{ "inner join changes on segments.session_no = changes.session_no" if is_incremental() }}
    {{ "left join kept on " ~ same_key("segments", "kept", plane) if is_incremental() }}
    where {{ "segments.segment_no > coalesce(kept.first_stretch_no, 0) * " ~ length if is_incremental() else "true" }}

),

busy_times as (

    {{ busy_times("segments", length, kept="kept" if is_incremental() else none) | indent }}

),

stretch_times as (

    select
        segments.{{ (plane + ["stretch_no"]) | join(",\n        segments.") }},
        count(*) as segment_count,
        {{ as_bigint("sum(segments.end_tick - segments.start_tick)") }} as segment_ticks,
        {{ as_bigint("sum(greatest(coalesce(segments.next_start_tick - segments.end_tick, 0), 0))") }}
            as virtual_end_ticks,
        min(segments.start_tick) as first_start_tick,
        max(segments.end_tick) as last_end_tick,
        case when count(segments.next_start_tick) = count(*) then max(segments.next_start_tick) end as next_start_tick
    from segments
    group by segments.{{ (plane + ["stretch_no"]) | join(", segments.") }}

),

int_phase_keys__stretches as (

    select
        times.*,
        {{ as_bigint("coalesce(busy_times.busy_ticks, 0)") }} as busy_ticks
    from stretch_times as times
    left join busy_times on {{ same_key("times", "busy_times", plane + ["stretch_no"]) }}

)

select * from int_phase_keys__stretches
