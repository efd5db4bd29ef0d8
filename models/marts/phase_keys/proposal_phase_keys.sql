-- The phase key at every proposal: the one that was used, and the one that was really true (design section 5).
-- Grain: one row for each proposal row. The as-of join ranks: segments and proposals of a plane in one order, so that
-- the number of segments up to a proposal is that of its last-started one. Both servers do that in linear time.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replaces="replaced_phase_keys",
    pre_hook="{{ make_room_to_sort() }}",
) }}

{%- set since = build_mark() %}

with loads as (

    select * from {{ ref("int_phase_keys__loads") }}
    where
        kind = 'nand_proposal_rows'
        and is_current

),

spans as (

    select * from {{ ref("op_state_spans") }}

),

-- in a full build all sessions, each from its beginning
changes as (

    {{ changed_timelines(since) | indent }}

),

proposals as (

    select
        loads.session_id,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_tick,
        proposals.load_id,
        proposals.row_no
    from loads
    inner join {{ ref("base_nand__proposals") }} as proposals on loads.load_id = proposals.load_id
    left join changes
        on
            loads.session_id = changes.session_id
            and loads.last_tick >= changes.from_tick
    where
        loads.changed_in_build > {{ since }}
        or proposals.propose_tick >= changes.from_tick

),

-- nothing before the first proposal is asked for, but the segment that holds then
beginnings as (

    select
        session_id,
        min(propose_tick) as first_tick
    from proposals
    group by session_id

),

events as (

    select
        spans.session_id,
        spans.die,
        spans.plane,
        spans.start_tick as tick,
        -- the first span here stands for all before it, too
        case when spans.start_tick < beginnings.first_tick then spans.segment_no else 1 end as segments,
        null as load_id,
        null as row_no
    from spans
    inner join beginnings on spans.session_id = beginnings.session_id
    where spans.next_start_tick >= beginnings.first_tick or spans.next_start_tick is null
    union all
    select
        session_id,
        key_die as die,
        key_plane as plane,
        propose_tick as tick,
        0 as segments,
        load_id,
        row_no
    from proposals

),

ranked as (

    select
        session_id,
        die,
        plane,
        load_id,
        row_no,
        sum(segments) over (
            partition by session_id, die, plane
            order by tick asc, segments desc
            rows unbounded preceding
        ) as segment_no
    from events

),

proposal_phase_keys as (

    select
        loads.session_id,
        loads.run_id,
        proposals.row_no,
        proposals.op_uid,
        proposals.op_name,
        proposals.op_base,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_tick,
        proposals.propose_time_us,
        proposals.context_source,
        proposals.phase_key_used,
        case
            when spans.segment_no is null then 'DEFAULT'
            when proposals.propose_tick >= spans.end_tick then concat(spans.op_base, '.END')
            else concat(spans.op_base, '.', spans.state)
        end as phase_key_virtual,
        case
            when spans.segment_no is null then 'DEFAULT'
            when proposals.propose_tick >= spans.end_tick then concat(spans.op_base, '.END')
            when
                spans.previous_end_tick <= proposals.propose_tick
                and (spans.state = 'ISSUE' or spans.start_tick = proposals.propose_tick)
                then concat(spans.previous_op_base, '.END')
            when spans.state = 'ISSUE' then 'DEFAULT'
            else concat(spans.op_base, '.', spans.state)
        end as phase_key_before,
        case when proposals.propose_tick < spans.end_tick then concat(spans.op_base, '.', spans.state) end as op_state
    from ranked
    inner join loads on ranked.load_id = loads.load_id
    inner join {{ ref("base_nand__proposals") }} as proposals
        on
            ranked.load_id = proposals.load_id
            and ranked.row_no = proposals.row_no
    left join spans
        on
            ranked.session_id = spans.session_id
            and ranked.die = spans.die
            and ranked.plane = spans.plane
            and ranked.segment_no = spans.segment_no

)

select * from proposal_phase_keys
