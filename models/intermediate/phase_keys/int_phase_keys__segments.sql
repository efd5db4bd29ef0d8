-- Each segment of each plane's timeline with its neighbours, in small integers; `op_state_spans` shows it to people.
-- Grain: one row per segment, numbered by (start tick, run, row) within its session, die and plane. A segment that is
-- stated again (same start tick and state) holds as its latest run has it, which may have cut it short.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_op_state_timeline"],
    replace_scope="int_phase_keys__timeline_changes",
    replace_on=["session_no"],
    replace_where="next_start_tick >= from_tick or next_start_tick is null",
    pre_hook="{{ make_room_to_sort() }}",
    post_hook="{{ note_built_loads() }}",
) }}

{%- set timeline_changes = ref("int_phase_keys__timeline_changes") %}

with changes as (

    {% if is_incremental() -%}
    select
        session_no,
        from_tick
    from {{ timeline_changes }}
    where model = '{{ model.name }}'
    {%- else -%}
    select
        session_no,
        -9223372036854775808 as from_tick
    from {{ ref("int_phase_keys__sessions") }}
    {%- endif %}

),

loads as (

    {{ loads_to_read("nand_op_state_timeline") | indent }}

),

load_times as (

    select
        load_id,
        max(last_tick) as last_tick
    from {{ ref("int_phase_keys__load_contents") }}
    group by load_id

),

ordered_loads as (

    select
        loads.load_id,
        sessions.session_no,
        runs.run_no,
        load_times.last_tick,
        -- runs in their order, 9 before 10, whatever the order in which they were landed
        row_number() over (partition by loads.session_id order by char_length(loads.run_id), loads.run_id) as run_order
    from loads
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on loads.session_id = sessions.session_id
    inner join {{ ref("int_phase_keys__runs") }} as runs on {{ same_key("loads", "runs", ["session_id", "run_id"]) }}
    inner join load_times on loads.load_id = load_times.load_id

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
    from ordered_loads as loads
    inner join changes
        on
            loads.session_no = changes.session_no
            and loads.last_tick >= changes.from_tick
    inner join {{ ref("stg_nand__op_state_segments") }} as segments on loads.load_id = segments.load_id
    inner join {{ ref("int_phase_keys__states") }} as states on segments.op_state = states.op_state
    where segments.start_tick >= changes.from_tick

),

segments as (

    select
        session_no,
        die,
        plane,
        start_tick,
        run_order,
        row_no,
        run_no,
        state_no,
        end_tick,
        0 as segments_before,
        null as state_no_before,
        null as end_tick_before
    from versions
    where version_no = 1
    {%- if is_incremental() %}
    union all
    -- the last segment of each plane before the change: what follows counts on from it
    select
        last_segments.session_no,
        last_segments.die,
        last_segments.plane,
        last_segments.start_tick,
        0 as run_order,
        last_segments.row_no,
        last_segments.run_no,
        last_segments.state_no,
        last_segments.end_tick,
        last_segments.segment_no - 1 as segments_before,
        last_segments.previous_state_no as state_no_before,
        last_segments.previous_end_tick as end_tick_before
    from {{ this }} as last_segments
    inner join changes on last_segments.session_no = changes.session_no
    where
        last_segments.start_tick < changes.from_tick
        and (last_segments.next_start_tick >= changes.from_tick or last_segments.next_start_tick is null)
    {%- endif %}

),

int_phase_keys__segments as (

    select
        session_no,
        die,
        plane,
        row_number() over plane_timeline + first_value(segments_before) over plane_timeline as segment_no,
        state_no,
        run_no,
        row_no,
        start_tick,
        end_tick,
        coalesce(lag(state_no) over plane_timeline, state_no_before) as previous_state_no,
        coalesce(lag(end_tick) over plane_timeline, end_tick_before) as previous_end_tick,
        lead(start_tick) over plane_timeline as next_start_tick
    from segments
    window plane_timeline as (partition by session_no, die, plane order by start_tick, run_order, row_no)

)

select * from int_phase_keys__segments
