-- Each segment of each plane's timeline, in small integers; `op_state_spans` adds neighbours and texts.
-- Grain: one row per segment, numbered by (start tick, run, row) within its session, die and plane. A segment that is
-- stated again (same start tick and state) holds as its latest run has it, which may have cut it short.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_phase_keys__timeline_changes",
    replace_on=["session_no"],
    replace_where="start_tick >= from_tick",
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
-- what follows a change counts on from the segments that stay
kept as (

    select
        segments.session_no,
        segments.die,
        segments.plane,
        max(segments.segment_no) as segment_count
    from {{ this }} as segments
    inner join changes on segments.session_no = changes.session_no
    where segments.start_tick < changes.from_tick
    group by segments.session_no, segments.die, segments.plane

),

{% endif -%}
int_phase_keys__segments as (

    select
        versions.session_no,
        versions.die,
        versions.plane,
        row_number() over (
            partition by versions.session_no, versions.die, versions.plane
            order by versions.start_tick, versions.run_order, versions.row_no
        ) {{ "+ coalesce(kept.segment_count, 0)" if is_incremental() }} as segment_no,
        versions.state_no,
        versions.run_no,
        versions.row_no,
        versions.start_tick,
        versions.end_tick
    from versions
    {{ "left join kept on " ~ same_key("versions", "kept", ["session_no", "die", "plane"]) if is_incremental() }}
    where versions.version_no = 1

)

select * from int_phase_keys__segments
