-- What each load of a timeline or of proposals is about: its states and its times. Landed rows never change, so each
-- load is read once. Grain: one row per load and state; for proposals, one row per load with an empty state.
{{ config(unique_key=["load_id", "op_state"], only_with="int_landing__load_changes") }}

with new_loads as (

    select
        load_id,
        kind
    from {{ ref("stg_landing__loads") }}
    where
        kind in ('nand_op_state_timeline', 'nand_proposal_rows')
        and {{ in_part("load_id") }}
        -- what this build goes by, whether it still holds or was restated a moment ago
        and (
            is_active
            or load_id in (select changes.load_id from {{ ref("int_landing__load_changes") }} as changes)
            or load_id in (select built.load_id from {{ ref("int_landing__built_loads") }} as built)
        )
        {%- if is_incremental() %}
        and load_id not in (select known.load_id from {{ this }} as known)
        {%- endif %}

),

int_phase_keys__load_contents as (

    select
        new_loads.load_id,
        segments.op_state,
        min(segments.start_tick) as first_tick,
        max(segments.start_tick) as last_tick
    from new_loads
    inner join {{ ref("stg_nand__op_state_segments") }} as segments on new_loads.load_id = segments.load_id
    where new_loads.kind = 'nand_op_state_timeline'
    group by new_loads.load_id, segments.op_state
    union all
    select
        new_loads.load_id,
        '' as op_state,
        min(proposals.propose_tick) as first_tick,
        max(proposals.propose_tick) as last_tick
    from new_loads
    inner join {{ ref("stg_nand__proposal_rows") }} as proposals on new_loads.load_id = proposals.load_id
    where new_loads.kind = 'nand_proposal_rows'
    group by new_loads.load_id

)

select * from int_phase_keys__load_contents
