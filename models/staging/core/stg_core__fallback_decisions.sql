with latest as (

    {{ latest_rows(
        source("core", "core8_fallback_decisions"),
        key=["run_id", "case_id", "antibody_id", "step"]
    ) | indent }}

),

stg_core__fallback_decisions as (

    select
        -- ids
        run_id,
        case_id,
        antibody_id,
        step,

        -- measures
        {{ snapshot_inputs()["fallback"] | join(",\n        ") }},

        -- where the row comes from
        _other_columns as other_columns,
        _load_id as load_id,
        _row_no as row_no,
        _line_no as line_no
    from latest

)

select * from stg_core__fallback_decisions
