{%- set plane = ["session_no", "die", "plane"] %}
{%- set stated = plane + ["state_no", "run_no", "row_no", "start_tick", "end_tick"] %}
-- Each segment of each plane's timeline with its neighbours, in small integers; `op_state_spans` adds the texts.
-- Grain: one row per segment, numbered by (start tick, run, row) within its session, die and plane. A segment that is
-- stated again (same start tick and state) holds as its latest run has it, which may have cut it short.
-- A build replaces what starts at or after its first change, and the segment before it, which has another next one now.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_phase_keys__timeline_changes",
    replace_on=["session_no"],
    replace_where="coalesce(next_start_tick >= from_tick, true)",
    pre_hook="{{ make_room_to_sort() }}",
    post_hook="{{ note_built_loads() }}",
) }}

with changes as (

    select * from {{ ref("int_phase_keys__timeline_changes") }}
    where model = '{{ model.name }}'

),

loads as (

    {{ timeline_loads("changes") | indent }}

),

versions as (

    select
        loads.session_no,
        segments.die,
        segments.plane,
        segments.start_tick,
        loads.run_order,
        segments.row_no,
        loads.run_no,
        states.state_no,
        segments.end_tick,
        row_number() over (
            partition by loads.session_no, segments.die, segments.plane, segments.start_tick, states.state_no
            order by loads.run_order desc, segments.row_no desc
        ) as version_no
    from loads
    inner join {{ ref("stg_nand__op_state_segments") }} as segments on loads.load_id = segments.load_id
    inner join {{ ref("int_phase_keys__states") }} as states on segments.op_state = states.op_state
    where segments.start_tick >= loads.from_tick or loads.from_tick is null

),

{% if is_incremental() -%}
-- the last segment of each plane that starts before the change: what follows counts on from it
kept as (

    select segments.* from {{ this }} as segments
    inner join changes on segments.session_no = changes.session_no
    where
        segments.start_tick < changes.from_tick
        and coalesce(segments.next_start_tick >= changes.from_tick, true)

),

{% endif -%}
segments as (

    select {{ stated | join(", ") }}, run_order from versions
    where version_no = 1
    {%- if is_incremental() %}
    union all
    select {{ stated | join(", ") }}, 0 as run_order from kept
    {%- endif %}

),

int_phase_keys__segments as (

    select
        segments.{{ stated | join(",\n        segments.") }},
        row_number() over timeline {{ "+ coalesce(kept.segment_no - 1, 0)" if is_incremental() }} as segment_no,
        {% for column in ["state_no", "end_tick"] -%}
        coalesce(lag(segments.{{ column }}) over timeline{{ ", kept.previous_" ~ column if is_incremental() }})
            as previous_{{ column }},
        {% endfor -%}
        lead(segments.start_tick) over timeline as next_start_tick
    from segments
    {{ "left join kept on " ~ same_key("segments", "kept", plane) if is_incremental() }}
    window timeline as (
        partition by segments.{{ plane | join(", segments.") }}
        order by segments.start_tick, segments.run_order, segments.row_no
    )

)

select * from int_phase_keys__segments
