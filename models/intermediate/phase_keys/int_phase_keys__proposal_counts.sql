-- How often which operation was proposed in which phase, under both boundaries; marts and exports choose one of them.
-- Grain: one row for each boundary, session, run, pair of phase keys, die, plane and operation.
with phase_keys as (

    select * from {{ ref("proposal_phase_keys") }}

),

{% set boundaries = {"covering": "phase_key_virtual", "before": "phase_key_before"} -%}
int_phase_keys__proposal_counts as (

    {% for boundary, phase_key in boundaries.items() -%}
    select
        '{{ boundary }}' as boundary,
        session_id,
        run_id,
        phase_key_used,
        {{ phase_key }} as phase_key_virtual,
        key_die as die,
        key_plane as plane,
        op_name,
        min(propose_time_us) as propose_time,
        count(*) as count
    from phase_keys
    group by session_id, run_id, phase_key_used, {{ phase_key }}, key_die, key_plane, op_name
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from int_phase_keys__proposal_counts
