-- A landed proposal that is missing from proposal_phase_keys, or a row there without one. Loads
-- that arrive during the build are picked up by the next one.
{{ config(tags="full") }}

with built_proposals as (

    select
        loads.session_id,
        loads.run_id,
        count(*) as row_count
    from {{ ref("int_landing__built_loads") }} as built
    inner join {{ ref("stg_landing__loads") }} as loads on built.load_id = loads.load_id
    inner join {{ ref("stg_nand__proposal_rows") }} as proposals on loads.load_id = proposals.load_id
    where
        built.model = 'proposal_phase_keys'
        and loads.is_active
    group by loads.session_id, loads.run_id

),

phase_keys as (

    select
        session_id,
        run_id,
        count(*) as row_count
    from {{ ref("proposal_phase_keys") }}
    group by session_id, run_id

)

select
    built_proposals.session_id,
    built_proposals.run_id
from built_proposals
left join phase_keys
    on
        built_proposals.session_id = phase_keys.session_id
        and built_proposals.run_id = phase_keys.run_id
where not built_proposals.row_count <=> phase_keys.row_count
