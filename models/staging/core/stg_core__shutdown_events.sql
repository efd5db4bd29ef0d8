with latest as (

    {{ latest_rows(
        source("core", "core10_shutdown_events"),
        key=["run_id", "case_id", "antibody_id", "shutdown_step"]
    ) | indent }}

),

stg_core__shutdown_events as (

    select
        -- ids
        run_id,
        case_id,
        antibody_id,
        shutdown_step,

        -- the event's own measures, and its copies of others
        shutdown_trigger_final,
        {{ (snapshot_inputs()["fallback"] + snapshot_inputs()["reservation"]) | join(",\n        ") }},

        -- where the row comes from
        _other_columns as other_columns,
        _load_id as load_id,
        _row_no as row_no,
        _line_no as line_no
    from latest

)

select * from stg_core__shutdown_events
