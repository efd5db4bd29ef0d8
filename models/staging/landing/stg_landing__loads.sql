-- Which loads are active: their rows count. The one definition, for both families.
with landing_loads as (

    select * from {{ source("landing", "landing_loads") }}

),

stg_landing__loads as (

    select
        -- ids
        load_id,
        session_id,
        run_id,

        -- text
        kind,
        file_path,
        status,

        -- numbers
        rows_landed,

        -- booleans
        status = 'landed' as is_active,

        -- times
        finished_at
    from landing_loads

)

select * from stg_landing__loads
