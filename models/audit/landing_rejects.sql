with rejects as (

    select * from {{ source("landing", "landing_rejects") }}

),

landing_rejects as (

    select
        load_id,
        row_no,
        line_no,
        kind,
        file_path,
        column_name,
        value,
        reason,
        row_text
    from rejects

)

select * from landing_rejects
