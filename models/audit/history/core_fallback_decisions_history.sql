with core_fallback_decisions_history as (

    {{ row_history(
        source("core", "core8_fallback_decisions"),
        key=["run_id", "case_id", "antibody_id", "step"],
        columns=snapshot_inputs()["fallback"]
    ) | indent }}

)

select * from core_fallback_decisions_history
