-- Which operations were proposed in which phase: the distribution that engineers tune against, under both boundaries.
-- Grain: one row per boundary, session, run, phase key and operation.
with phase_key_counts as (

    select
        counts.session_id,
        counts.run_id,
        counts.boundary,
        counts.phase_key_virtual as phase_key,
        counts.op_name,
        {{ as_bigint("sum(counts.count)") }} as count
    from {{ in_reach(ref("phase_proposal_counts")) }} as counts
    {{ join_changed_runs("counts") }}
    group by counts.session_id, counts.run_id, counts.boundary, counts.phase_key_virtual, counts.op_name

),

op_state_op_name_counts as (

    select
        session_id,
        run_id,
        boundary,
        phase_key,
        op_name,
        count,
        count * 1e0 / sum(count) over (partition by session_id, run_id, boundary, phase_key) as share_of_phase_key
    from phase_key_counts

)

select * from op_state_op_name_counts
