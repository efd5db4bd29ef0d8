-- A proposal that no count counts, or that two count, under either boundary.
{{ config(tags="full") }}

with boundaries as (

    select 'covering' as boundary
    union all
    select 'before' as boundary

),

proposals as (

    select
        phase_keys.session_id,
        phase_keys.run_id,
        boundaries.boundary,
        count(*) as proposal_count
    from {{ ref("proposal_phase_keys") }} as phase_keys
    cross join boundaries
    group by phase_keys.session_id, phase_keys.run_id, boundaries.boundary

),

phase_key_counts as (

    select
        session_id,
        run_id,
        boundary,
        sum(count) as proposal_count
    from {{ ref("phase_proposal_counts") }}
    group by session_id, run_id, boundary

),

op_state_counts as (

    select
        session_id,
        run_id,
        boundary,
        sum(count) as proposal_count
    from {{ ref("op_state_op_name_counts") }}
    group by session_id, run_id, boundary

)

select
    proposals.session_id,
    proposals.run_id,
    proposals.boundary
from proposals
left join phase_key_counts on {{ same_key("proposals", "phase_key_counts", ["session_id", "run_id", "boundary"]) }}
left join op_state_counts on {{ same_key("proposals", "op_state_counts", ["session_id", "run_id", "boundary"]) }}
where
    not proposals.proposal_count <=> phase_key_counts.proposal_count
    or not proposals.proposal_count <=> op_state_counts.proposal_count
