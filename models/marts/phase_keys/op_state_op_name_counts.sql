-- Which operations were proposed in which state: the distribution that engineers tune against.
-- Grain: one row for each session, run, state and operation. The state is the phase key under `phase_key_boundary`, so
-- that proposals outside of every segment count under `<BASE>.END` or DEFAULT.
with proposal_counts as (

    select * from {{ ref("phase_proposal_counts") }}

),

state_counts as (

    select
        session_id,
        run_id,
        phase_key_virtual as op_state,
        op_name,
        cast(sum(count) as signed) as count
    from proposal_counts
    group by session_id, run_id, phase_key_virtual, op_name

),

op_state_op_name_counts as (

    select
        session_id,
        run_id,
        op_state,
        op_name,
        count,
        count * 1e0 / sum(count) over (partition by session_id, run_id, op_state) as share_of_op_state
    from state_counts

)

select * from op_state_op_name_counts
