with loads as (

    select * from {{ source("landing", "landing_loads") }}

),

landing_loads as (

    select
        load_id,
        kind,
        nullif(session_id, '') as session_id,
        nullif(run_id, '') as run_id,
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

)

select * from landing_loads
