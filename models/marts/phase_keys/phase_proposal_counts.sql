-- How often which operation was proposed in which phase, under both boundaries.
-- Grain: one row per boundary, session, run, pair of phase keys, die, plane and operation.
with phase_keys as (

    select phase_keys.*
    from {{ in_reach(ref("proposal_phase_keys")) }} as phase_keys
    {{ join_changed_runs("phase_keys") }}

),

phase_proposal_counts as (

    {% for boundary in ["covering", "before"] -%}
    select
        session_id,
        run_id,
        '{{ boundary }}' as boundary,
        phase_key_used,
        phase_key_{{ boundary }} as phase_key_virtual,
        key_die as die,
        key_plane as plane,
        op_name,
        min(propose_time_us) as propose_time,
        count(*) as count
    from phase_keys
    group by session_id, run_id, phase_key_used, phase_key_{{ boundary }}, key_die, key_plane, op_name
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from phase_proposal_counts
