{%- set plane = ["session_no", "die", "plane"] %}
{%- set stated = plane + ["state_no", "run_no", "row_no", "start_tick", "end_tick"] %}
{%- set counted = ["segment_no", "previous_state_no", "previous_end_tick"] %}
-- Each segment of each plane's timeline with its neighbours, in small integers; `op_state_spans` adds the texts.
-- Grain: one row per segment, numbered by (start tick, run, row) within its session, die and plane. A segment that is
-- stated again (same start tick and state) holds as its latest run has it, which may have cut it short.
-- A build replaces what starts at or after its first change, and the segment before it, which has another next one now.
{{ config(
    replace_tail=true,
    pre_hook="{{ make_room_to_sort() }}",
) }}

with changes as (

    select * from {{ ref("int_phase_keys__timeline_changes") }}
    where model = '{{ model.name }}'

),

loads as (

    {{ timeline_loads("changes") | indent }}

),

{% if is_incremental() -%}
first_segments as (

    {{ first_segments_from("changes", "from_tick", in_reach(this)) | indent }}

),

{% endif -%}
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
    {{ inner_join_in_order() }} {{ ref("stg_nand__op_state_segments") }} as segments on loads.load_id = segments.load_id
    -- each segment has its state: a left join makes MySQL hash the states, not the segments
    left join {{ ref("int_phase_keys__states") }} as states {{ hash_joined("op_state") }}
        on segments.op_state = states.op_state
    where
        (loads.from_tick is null or segments.start_tick >= loads.from_tick)
        and {{ in_part("segments.die + segments.plane") }}

),

segments as (

    select
        run_order,
        {{ stated | join(",\n        ") }}
        {{- ",\n        null as " ~ counted | join(",\n        null as ") if is_incremental() }}
    from versions
    -- `= 1` would make MySQL index what it has just sorted, only to look one value up
    where version_no < 2
    {%- if is_incremental() %}
    union all
    -- the last segment of each plane that starts before the change: what follows counts on from it. It is the first of
    -- its window: to join it to the others, both servers would read the plane's history for each of them
    select
        0 as run_order,
        kept.{{ (stated + counted) | join(",\n        kept.") }}
    from first_segments
    {{ inner_join_in_order() }} changes on first_segments.session_no = changes.session_no
    {{ inner_join_in_order() }} {{ in_reach(this) }} as kept {{ primary_key_index() }}
        on
            {{ same_key("first_segments", "kept", plane) }}
            and first_segments.first_no = kept.segment_no
    where kept.start_tick < changes.from_tick
    {%- endif %}

),

int_phase_keys__segments as (

    {{ numbered_timeline("segments", stated, plane, previous=["state_no", "end_tick"]) | indent }}

)

select * from int_phase_keys__segments
