-- Rows that had not fitted in a warehouse from whose backup this one was restored. `afterstate restore` writes them; a
-- build only creates the table.
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["load_id", "load_started_at", "row_no"],
    full_refresh=false,
) }}

with rejects as (

    select * from {{ ref("landing_rejects") }}

),

restored_rejects as (

    select
        load_id,
        {{ current_timestamp() }} as load_started_at,
        row_no,
        line_no,
        kind,
        file_path,
        column_name,
        value,
        reason,
        row_text
    from rejects
    where false

)

select * from restored_rejects
