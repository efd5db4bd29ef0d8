-- Which loads of timelines, proposals and logs hold, as of this build, and in which build each came or went.
-- Grain: one row for each load that ever held. The models of the phase keys read these loads and no others, and rebuild
-- what the loads that changed since their own last build can change; a load that goes keeps its row, for that reason.
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["load_id"],
    full_refresh=false,
) }}

with landing_loads as (

    select * from {{ source("landing", "landing_loads") }}
    where
        kind in ('nand_op_state_timeline', 'nand_proposal_rows', 'nand_proposer_log')
        and status = 'landed'

),

known_loads as (

    {% if is_incremental() -%}
    select * from {{ this }}
    {%- else -%}
    select
        load_id,
        kind,
        session_id,
        run_id,
        load_id as first_tick,
        load_id as last_tick,
        false as is_current,
        0 as changed_in_build
    from landing_loads
    where false
    {%- endif %}

),

this_build as (

    select coalesce(max(changed_in_build), 0) + 1 as build_no from known_loads

),

new_loads as (

    select landing_loads.*
    from landing_loads
    left join known_loads on landing_loads.load_id = known_loads.load_id
    -- a load holds again when the one that had replaced it is withdrawn
    where known_loads.load_id is null or not known_loads.is_current

),

times as (

    select
        new_loads.load_id,
        min(segments.start_tick) as first_tick,
        max(segments.start_tick) as last_tick
    from new_loads
    inner join {{ ref("base_nand__op_state_segments") }} as segments on new_loads.load_id = segments.load_id
    where new_loads.kind = 'nand_op_state_timeline'
    group by new_loads.load_id
    union all
    select
        new_loads.load_id,
        min(proposals.propose_tick) as first_tick,
        max(proposals.propose_tick) as last_tick
    from new_loads
    inner join {{ ref("base_nand__proposals") }} as proposals on new_loads.load_id = proposals.load_id
    where new_loads.kind = 'nand_proposal_rows'
    group by new_loads.load_id

),

int_phase_keys__loads as (

    select
        new_loads.load_id,
        new_loads.kind,
        new_loads.session_id,
        new_loads.run_id,
        times.first_tick,
        times.last_tick,
        true as is_current,
        this_build.build_no as changed_in_build
    from new_loads
    cross join this_build
    left join times on new_loads.load_id = times.load_id
    union all
    select
        known_loads.load_id,
        known_loads.kind,
        known_loads.session_id,
        known_loads.run_id,
        known_loads.first_tick,
        known_loads.last_tick,
        false as is_current,
        this_build.build_no as changed_in_build
    from known_loads
    cross join this_build
    left join landing_loads on known_loads.load_id = landing_loads.load_id
    where
        known_loads.is_current
        and landing_loads.load_id is null

)

select * from int_phase_keys__loads
