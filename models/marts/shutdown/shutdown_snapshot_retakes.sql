-- What snapshots said before they were taken again. `afterstate retake` writes the rows; a build only creates the
-- table.
{%- set taken_at = columns_by_taken_at().keys() | list %}
{%- set former = ["snapshot_rule_id"] + shutdown_key() + state_columns() + taken_at %}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["snapshot_id"],
    frozen_by={"retaken_at": ["retaken_as", "retaken_by", "reason"] + former},
    full_refresh=false,
    pre_hook="{{ add_measures() }}",
) }}

with memory as (

    select * from {{ ref("shutdown_snapshot_memory") }}

),

shutdown_snapshot_retakes as (

    select
        id as snapshot_id,
        id as retaken_as,
        {{ current_timestamp() }} as retaken_at,
        '' as retaken_by,
        '' as reason,
        {{ former | join(",\n        ") }}
    from memory
    where false

)

select * from shutdown_snapshot_retakes
