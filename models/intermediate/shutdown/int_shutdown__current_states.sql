-- The state at each shutdown step as the landed files say it now; what is remembered of it is in the marts.
-- Grain: one row for each shutdown event. Left joins: a file may be missing, and the event stays all the same.
with events as (

    select * from {{ ref("stg_core__shutdown_events") }}

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

int_shutdown__current_states as (

    select
        events.run_id,
        events.case_id,
        events.antibody_id,
        events.shutdown_step,
        events.shutdown_trigger_final,
        state_trace.SoMS_cumsum_window,
        state_trace.action_toggle_rate,
        state_trace.blocked_rate_window,
        state_trace.veto_streak,
        fallback_decisions.fallback_stage,
        fallback_decisions.fallback_reason_code,
        fallback_decisions.fallback_score,
        reservation_log.reservation_status,
        reservation_log.reservation_reason_code,
        reservation_log.risk_score_total,
        state_trace.run_id is not null as is_trace_found,
        fallback_decisions.run_id is not null as is_fallback_found,
        reservation_log.run_id is not null as is_reservation_found
    from events
    left join state_trace
        on
            events.run_id = state_trace.run_id
            and events.case_id = state_trace.case_id
            and events.antibody_id = state_trace.antibody_id
            and events.shutdown_step = state_trace.step
    left join fallback_decisions
        on
            events.run_id = fallback_decisions.run_id
            and events.case_id = fallback_decisions.case_id
            and events.antibody_id = fallback_decisions.antibody_id
            and events.shutdown_step = fallback_decisions.step
    left join reservation_log
        on
            events.run_id = reservation_log.run_id
            and events.case_id = reservation_log.case_id
            and events.antibody_id = reservation_log.antibody_id
            and events.shutdown_step = reservation_log.step

)

select * from int_shutdown__current_states
