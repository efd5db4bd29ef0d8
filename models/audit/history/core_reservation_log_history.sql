with core_reservation_log_history as (

    {{ row_history(
        source("core", "core9_reservation_log"),
        key=["run_id", "case_id", "antibody_id", "step"],
        columns=snapshot_inputs()["reservation"]
    ) | indent }}

)

select * from core_reservation_log_history
