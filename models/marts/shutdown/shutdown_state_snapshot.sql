{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["snapshot_rule_id", "run_id", "case_id", "antibody_id", "shutdown_step"],
    full_refresh=false,
) }}

with memory as (

    select * from {{ ref("shutdown_snapshot_memory") }}

),

shutdown_state_snapshot as (

    select
        id,
        snapshot_rule_id,
        snapshot_created_at,
        run_id,
        case_id,
        antibody_id,
        shutdown_step,
        shutdown_trigger_final,
        SoMS_cumsum_window,
        action_toggle_rate,
        blocked_rate_window,
        veto_streak,
        fallback_stage,
        fallback_reason_code,
        fallback_score,
        reservation_status,
        reservation_reason_code,
        risk_score_total
    from memory

)

select * from shutdown_state_snapshot
