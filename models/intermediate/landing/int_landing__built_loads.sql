-- From which loads each incremental model is built. Grain: one row per model and load.
-- The table starts empty; `note_built_loads` writes to it in the transaction that writes the model's rows.
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["model", "load_id"],
    full_refresh=false,
    partition_by=["model"],
    post_hook="{{ forget_former_models() }}",
) }}

with loads as (

    select * from {{ ref("stg_landing__loads") }}

),

int_landing__built_loads as (

    select
        kind as model,
        load_id
    from loads
    where false

)

select * from int_landing__built_loads
