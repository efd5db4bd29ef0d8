with core_shutdown_events_history as (

    {{ row_history(
        source("core", "core10_shutdown_events"),
        key=["run_id", "case_id", "antibody_id", "shutdown_step"],
        columns=[
            "shutdown_trigger_final",
            "fallback_stage",
            "fallback_reason_code",
            "fallback_score",
            "reservation_status",
            "reservation_reason_code",
            "risk_score_total",
        ]
    ) | indent }}

)

select * from core_shutdown_events_history
