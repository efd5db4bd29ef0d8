-- The extremes of each design. Grain: one row for each design that has steps.
{{ config(
    built_from=["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log"],
    post_hook="{{ note_built_loads() }}",
) }}

with steps as (

    select steps.*
    from {{ ref("int_shutdown__steps") }} as steps
    {{ join_changed_designs("steps") }}

),

int_shutdown__extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        count(trace_load_id) as step_count,
        min(case when trace_load_id is not null then step end) as first_step,
        max(case when trace_load_id is not null then step end) as last_step,
        max(SoMS_cumsum_window) as max_SoMS_cumsum_window,
        max(action_toggle_rate) as max_action_toggle_rate,
        max(blocked_rate_window) as max_blocked_rate_window,
        max(veto_streak) as max_veto_streak,
        max(fallback_score) as max_fallback_score,
        max(risk_score_total) as max_risk_score_total
    from steps
    group by run_id, case_id, antibody_id

)

select * from int_shutdown__extremes
