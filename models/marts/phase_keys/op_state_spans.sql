-- Each segment of each plane's timeline with its neighbours, and the `<BASE>.END` gap that follows (design section 5).
-- Grain: one row for each segment, numbered by (start tick, run, row) within its session, die and plane. A segment that
-- is stated again (same start tick, base and state) holds as its latest run has it, which may have cut it short.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replaces="replaced_spans",
    pre_hook="{{ make_room_to_sort() }}",
) }}

{%- set since = build_mark() %}

with loads as (

    select
        load_id,
        session_id,
        last_tick,
        -- runs in their order, 9 before 10, whatever the order in which they were landed
        dense_rank() over (partition by session_id order by char_length(run_id), run_id) as run_no
    from {{ ref("int_phase_keys__loads") }}
    where
        kind = 'nand_op_state_timeline'
        and is_current

),

-- in a full build all sessions, each from its beginning
changes as (

    {{ changed_timelines(since) | indent }}

),

statements as (

    select
        loads.session_id,
        loads.run_no,
        segments.row_no,
        segments.die,
        segments.plane,
        segments.op_base,
        segments.state,
        segments.start_us,
        segments.end_us,
        segments.start_tick,
        segments.end_tick,
        row_number() over (
            partition by
                loads.session_id, segments.die, segments.plane, segments.start_tick, segments.op_base, segments.state
            order by loads.run_no desc, segments.row_no desc
        ) as statement_no
    from loads
    inner join {{ ref("base_nand__op_state_segments") }} as segments on loads.load_id = segments.load_id
    inner join changes
        on
            loads.session_id = changes.session_id
            and loads.last_tick >= changes.from_tick
    where segments.start_tick >= changes.from_tick

),

segments as (

    select
        session_id,
        run_no,
        row_no,
        die,
        plane,
        op_base,
        state,
        start_us,
        end_us,
        start_tick,
        end_tick,
        0 as segments_before,
        null as op_base_before,
        null as end_tick_before
    from statements
    where statement_no = 1
    {%- if is_incremental() %}
    union all
    -- of each plane the last span before the change: what follows counts on from it
    select
        spans.session_id,
        0 as run_no,
        0 as row_no,
        spans.die,
        spans.plane,
        spans.op_base,
        spans.state,
        spans.start_us,
        spans.end_us,
        spans.start_tick,
        spans.end_tick,
        spans.segment_no - 1 as segments_before,
        spans.previous_op_base as op_base_before,
        spans.previous_end_tick as end_tick_before
    from {{ this }} as spans
    inner join changes on spans.session_id = changes.session_id
    where
        spans.start_tick < changes.from_tick
        and (spans.next_start_tick >= changes.from_tick or spans.next_start_tick is null)
    {%- endif %}

),

neighbours as (

    select
        session_id,
        die,
        plane,
        op_base,
        state,
        start_us,
        end_us,
        start_tick,
        end_tick,
        row_number() over plane_timeline as segment_no,
        first_value(segments_before) over plane_timeline as segments_before,
        coalesce(lag(op_base) over plane_timeline, op_base_before) as previous_op_base,
        coalesce(lag(end_tick) over plane_timeline, end_tick_before) as previous_end_tick,
        lead(start_tick) over plane_timeline as next_start_tick
    from segments
    window plane_timeline as (partition by session_id, die, plane order by start_tick, run_no, row_no)

),

op_state_spans as (

    select
        session_id,
        die,
        plane,
        segment_no + segments_before as segment_no,
        op_base,
        state,
        start_tick,
        end_tick,
        start_us,
        end_us,
        previous_op_base,
        previous_end_tick,
        next_start_tick,
        -- no end, when the next segment starts before this one is over, or just then
        case when coalesce(next_start_tick > end_tick, true) then concat(op_base, '.END') end as virtual_end_key,
        case when coalesce(next_start_tick > end_tick, true) then end_tick end as virtual_end_from_tick,
        case when next_start_tick > end_tick then next_start_tick end as virtual_end_until_tick
    from neighbours

)

select * from op_state_spans
