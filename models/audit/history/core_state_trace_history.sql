with core_state_trace_history as (

    {{ row_history(
        source("core", "core8_state_trace"),
        key=["run_id", "case_id", "antibody_id", "step"],
        columns=snapshot_inputs()["trace"]
    ) | indent }}

)

select * from core_state_trace_history
