-- Where the landed files now say something else than a frozen snapshot does.
-- Grain: one row for each column of a snapshot that differs.
with frozen as (

    select * from {{ ref("shutdown_snapshot_memory") }}
    where
        is_trace_found
        and snapshot_rule_id = '{{ var("snapshot_rule_id") }}'

),

current_states as (

    select * from {{ ref("int_shutdown__current_states") }}

),

shutdown_snapshot_drift as (

    {{ differing_columns(
        "frozen",
        "current_states",
        key=["run_id", "case_id", "antibody_id", "shutdown_step"],
        columns=[
            "shutdown_trigger_final",
            "SoMS_cumsum_window",
            "action_toggle_rate",
            "blocked_rate_window",
            "veto_streak",
            "fallback_stage",
            "fallback_reason_code",
            "fallback_score",
            "reservation_status",
            "reservation_reason_code",
            "risk_score_total",
        ],
        left_value="frozen_value",
        right_value="current_value"
    ) | indent }}

)

select * from shutdown_snapshot_drift
