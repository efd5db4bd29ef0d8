-- What became of each design: its steps, its shutdown or none, its extremes.
-- Grain: one row for each run, case and antibody that has a trace or an event.
with state_trace as (

    select * from {{ ref("stg_core__state_trace") }}

),

fallback_decisions as (

    select * from {{ ref("stg_core__fallback_decisions") }}

),

reservation_log as (

    select * from {{ ref("stg_core__reservation_log") }}

),

snapshots as (

    select * from {{ ref("shutdown_state_snapshot") }}
    where snapshot_rule_id = '{{ var("snapshot_rule_id") }}'

),

steps as (

    select
        run_id,
        case_id,
        antibody_id,
        count(*) as step_count,
        min(step) as first_step,
        max(step) as last_step,
        max(SoMS_cumsum_window) as max_SoMS_cumsum_window,
        max(action_toggle_rate) as max_action_toggle_rate,
        max(blocked_rate_window) as max_blocked_rate_window,
        max(veto_streak) as max_veto_streak
    from state_trace
    group by run_id, case_id, antibody_id

),

fallback_extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        max(fallback_score) as max_fallback_score
    from fallback_decisions
    group by run_id, case_id, antibody_id

),

reservation_extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        max(risk_score_total) as max_risk_score_total
    from reservation_log
    group by run_id, case_id, antibody_id

),

-- A corrected event gives a design a second shutdown; the first is the one that ended it.
shutdowns as (

    select
        run_id,
        case_id,
        antibody_id,
        count(*) as shutdown_count,
        min(shutdown_step) as first_shutdown_step
    from snapshots
    group by run_id, case_id, antibody_id

),

designs as (

    select
        run_id,
        case_id,
        antibody_id
    from steps

    union distinct

    select
        run_id,
        case_id,
        antibody_id
    from shutdowns

),

governed_run_summary as (

    select
        designs.run_id,
        designs.case_id,
        designs.antibody_id,
        coalesce(steps.step_count, 0) as step_count,
        steps.first_step,
        steps.last_step,
        coalesce(shutdowns.shutdown_count, 0) as shutdown_count,
        shutdowns.first_shutdown_step,
        snapshots.shutdown_trigger_final,
        steps.max_SoMS_cumsum_window,
        steps.max_action_toggle_rate,
        steps.max_blocked_rate_window,
        steps.max_veto_streak,
        fallback_extremes.max_fallback_score,
        reservation_extremes.max_risk_score_total
    from designs
    left join steps
        on
            designs.run_id = steps.run_id
            and designs.case_id = steps.case_id
            and designs.antibody_id = steps.antibody_id
    left join fallback_extremes
        on
            designs.run_id = fallback_extremes.run_id
            and designs.case_id = fallback_extremes.case_id
            and designs.antibody_id = fallback_extremes.antibody_id
    left join reservation_extremes
        on
            designs.run_id = reservation_extremes.run_id
            and designs.case_id = reservation_extremes.case_id
            and designs.antibody_id = reservation_extremes.antibody_id
    left join shutdowns
        on
            designs.run_id = shutdowns.run_id
            and designs.case_id = shutdowns.case_id
            and designs.antibody_id = shutdowns.antibody_id
    left join snapshots
        on
            shutdowns.run_id = snapshots.run_id
            and shutdowns.case_id = snapshots.case_id
            and shutdowns.antibody_id = snapshots.antibody_id
            and shutdowns.first_shutdown_step = snapshots.shutdown_step

)

select * from governed_run_summary
