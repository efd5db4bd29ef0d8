with core_shutdown_events_history as (

    {{ row_history(
        source("core", "core10_shutdown_events"),
        key=["run_id", "case_id", "antibody_id", "shutdown_step"],
        columns=snapshot_inputs()["event"] + snapshot_inputs()["fallback"] + snapshot_inputs()["reservation"]
    ) | indent }}

)

select * from core_shutdown_events_history
