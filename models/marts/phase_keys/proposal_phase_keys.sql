-- The phase key at every proposal: the one that was used, and the one that was really true (design section 5).
-- Grain: one row per proposal row. `as_of` finds the segment; here the table of the rule is read.
{{ config(replace_from={"row_no": "from_row_no", "propose_tick": "from_tick"}, pre_hook="{{ make_room_to_sort() }}") }}

{%- set columns = ["row_no", "op_uid", "op_name", "op_base", "key_die", "key_plane", "propose_tick", "propose_time_us",
    "context_source", "phase_key_used"] %}
{%- set segments, states = segments_in_reach(), ref("int_phase_keys__states") %}

with loads as (

    {{ loads_to_read("nand_proposal_rows") | indent }}

),

changed_proposals as (

    select
        sessions.session_no,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_tick,
        proposals.load_id,
        proposals.row_no
    from loads
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on loads.session_id = sessions.session_id
    {{ join_changed_runs("loads") }}
    {{ inner_join_in_order() }} {{ ref("stg_nand__proposal_rows") }} as proposals on loads.load_id = proposals.load_id
    where
        {{ in_part("proposals.key_die + proposals.key_plane") }}
        {% if is_incremental() -%}
        and (proposals.row_no >= changes.from_row_no or proposals.propose_tick >= changes.from_tick)
        {%- endif %}

),

{% if is_incremental() -%}
proposal_times as (

    select
        session_no,
        min(propose_tick) as first_tick,
        max(propose_tick) as last_tick
    from changed_proposals
    group by session_no

),

first_segments as (

    {{ first_segments_from("proposal_times", "first_tick", segments) | indent }}

),

{% endif -%}
segments_as_of as (

    {{ as_of("changed_proposals", segments, times="proposal_times", first_segments="first_segments") | indent }}

),

proposal_phase_keys as (

    select
        loads.session_id,
        loads.run_id,
        {% for column in columns -%}
        proposals.{{ column }},
        {% endfor -%}
        case
            when states.state_no is null then 'DEFAULT'
            when proposals.propose_tick >= segments.end_tick then concat(states.op_base, '.END')
            else states.op_state
        end as phase_key_covering,
        case
            when states.state_no is null then 'DEFAULT'
            when proposals.propose_tick >= segments.end_tick then concat(states.op_base, '.END')
            when
                segments.previous_end_tick <= proposals.propose_tick
                and (states.state = 'ISSUE' or segments.start_tick = proposals.propose_tick)
                then concat(previous_states.op_base, '.END')
            when states.state = 'ISSUE' then 'DEFAULT'
            else states.op_state
        end as phase_key_before,
        segments.segment_no,
        case when proposals.propose_tick < segments.end_tick then states.op_state end as op_state
    -- each proposal has both: left joins fix the order, since MariaDB may hash all segments otherwise (engine facts)
    from segments_as_of
    left join loads on segments_as_of.load_id = loads.load_id
    left join {{ ref("stg_nand__proposal_rows") }} as proposals
        on {{ same_key("segments_as_of", "proposals", ["load_id", "row_no"]) }}
    left join {{ segments }} as segments {{ primary_key_index() }}
        on {{ same_key("segments_as_of", "segments", ["session_no", "die", "plane", "segment_no"]) }}
    left join {{ states }} as states {{ hash_joined() }} on segments.state_no = states.state_no
    left join {{ states }} as previous_states {{ hash_joined() }}
        on segments.previous_state_no = previous_states.state_no

)

select * from proposal_phase_keys
