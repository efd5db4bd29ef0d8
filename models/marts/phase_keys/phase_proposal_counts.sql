-- How often which operation was proposed in which phase, under the boundary that `phase_key_boundary` names.
-- Grain: one row for each session, run, pair of phase keys, die, plane and operation.
with proposal_counts as (

    select * from {{ ref("int_phase_keys__proposal_counts") }}

),

phase_proposal_counts as (

    select
        session_id,
        run_id,
        phase_key_used,
        phase_key_virtual,
        die,
        plane,
        op_name,
        propose_time,
        count
    from proposal_counts
    where boundary = '{{ phase_key_boundary() }}'

)

select * from phase_proposal_counts
