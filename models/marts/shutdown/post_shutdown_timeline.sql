-- What operation did after design ended: the steps that follow each shutdown, and how far they are from its state.
-- Grain: one row for each snapshot and later step of the same design. Differences are step minus frozen.
with snapshots as (

    select * from {{ ref("shutdown_state_snapshot") }}

),

state_trace as (

    select * from {{ ref("stg_core__state_trace") }}

),

fallback_decisions as (

    select * from {{ ref("stg_core__fallback_decisions") }}

),

reservation_log as (

    select * from {{ ref("stg_core__reservation_log") }}

),

post_shutdown_timeline as (

    select
        snapshots.id as snapshot_id,
        state_trace.run_id,
        state_trace.case_id,
        state_trace.antibody_id,
        snapshots.shutdown_step,
        state_trace.step,
        state_trace.step - snapshots.shutdown_step as steps_after_shutdown,
        state_trace.SoMS_cumsum_window,
        {{ double_difference("state_trace.SoMS_cumsum_window", "snapshots.SoMS_cumsum_window") }}
            as SoMS_cumsum_window_difference,
        state_trace.action_toggle_rate,
        {{ double_difference("state_trace.action_toggle_rate", "snapshots.action_toggle_rate") }}
            as action_toggle_rate_difference,
        state_trace.blocked_rate_window,
        {{ double_difference("state_trace.blocked_rate_window", "snapshots.blocked_rate_window") }}
            as blocked_rate_window_difference,
        state_trace.veto_streak,
        state_trace.veto_streak - snapshots.veto_streak as veto_streak_difference,
        fallback_decisions.fallback_stage,
        fallback_decisions.fallback_score,
        {{ double_difference("fallback_decisions.fallback_score", "snapshots.fallback_score") }}
            as fallback_score_difference,
        reservation_log.reservation_status,
        reservation_log.risk_score_total,
        {{ double_difference("reservation_log.risk_score_total", "snapshots.risk_score_total") }}
            as risk_score_total_difference
    from snapshots
    inner join state_trace
        on
            snapshots.run_id = state_trace.run_id
            and snapshots.case_id = state_trace.case_id
            and snapshots.antibody_id = state_trace.antibody_id
            and snapshots.shutdown_step < state_trace.step
    left join fallback_decisions
        on
            state_trace.run_id = fallback_decisions.run_id
            and state_trace.case_id = fallback_decisions.case_id
            and state_trace.antibody_id = fallback_decisions.antibody_id
            and state_trace.step = fallback_decisions.step
    left join reservation_log
        on
            state_trace.run_id = reservation_log.run_id
            and state_trace.case_id = reservation_log.case_id
            and state_trace.antibody_id = reservation_log.antibody_id
            and state_trace.step = reservation_log.step

)

select * from post_shutdown_timeline
