-- A proposal that no count counts, or that two count.
with proposals as (

    select
        session_id,
        run_id,
        count(*) as proposal_count
    from {{ ref("proposal_phase_keys") }}
    group by session_id, run_id

),

phase_key_counts as (

    select
        session_id,
        run_id,
        sum(count) as proposal_count
    from {{ ref("phase_proposal_counts") }}
    group by session_id, run_id

),

op_state_counts as (

    select
        session_id,
        run_id,
        sum(count) as proposal_count
    from {{ ref("op_state_op_name_counts") }}
    group by session_id, run_id

)

select
    proposals.session_id,
    proposals.run_id
from proposals
left join phase_key_counts
    on
        proposals.session_id = phase_key_counts.session_id
        and proposals.run_id = phase_key_counts.run_id
left join op_state_counts
    on
        proposals.session_id = op_state_counts.session_id
        and proposals.run_id = op_state_counts.run_id
where
    not proposals.proposal_count <=> phase_key_counts.proposal_count
    or not proposals.proposal_count <=> op_state_counts.proposal_count
