-- Files that had landed in a warehouse from whose backup this one was restored. `afterstate restore` writes the rows; a
-- build only creates the table. They are apart from landing_loads, so that each such file can land again.
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["load_id", "started_at"],
    full_refresh=false,
    on_schema_change="append_new_columns",
) }}

with loads as (

    select * from {{ ref("landing_loads") }}

),

restored_loads as (

    select
        load_id,
        kind,
        session_id,
        run_id,
        file_path,
        file_bytes,
        content_sha256,
        header,
        rows_read,
        rows_landed,
        rows_rejected,
        started_at,
        finished_at,
        status,
        withdrawn_at,
        notes
    from loads
    where false

)

select * from restored_loads
