-- What happened after a shutdown: the steps that follow it, and how far they are from its state.
-- Grain: one row for each snapshot and later step of the same design. Differences are step minus frozen.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replace_scope="int_shutdown__changed_designs",
    replace_on=["run_id", "case_id", "antibody_id"],
    post_hook="{{ note_built_loads() }}",
    built_from=["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log", "core10_shutdown_events"],
) }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}

with snapshots as (

    select snapshots.*
    from {{ ref("shutdown_state_snapshot") }} as snapshots
    {{ join_changed_designs("snapshots") }}

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
            {{ same_key("snapshots", "state_trace", design) }}
            and snapshots.shutdown_step < state_trace.step
    left join fallback_decisions on {{ same_key("state_trace", "fallback_decisions", design + ["step"]) }}
    left join reservation_log on {{ same_key("state_trace", "reservation_log", design + ["step"]) }}

)

select * from post_shutdown_timeline
