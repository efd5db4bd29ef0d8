-- Which core files the snapshots are built from, so that an export can tell when one is missing.
-- Grain: one row for each load of a core file. Loads are listed before anything is read from them, and count as
-- remembered and as built only when that is done: one that lands in between counts as one that waits.
{{ config(unique_key=["load_id"], merge_exclude_columns=["remembered_status", "built_status"]) }}

with loads as (

    select * from {{ source("landing", "landing_loads") }}
    where kind like 'core%'

),

int_shutdown__loads as (

    select
        load_id,
        status,
        '{{ invocation_id }}' as seen_in,
        cast(null as char(16)) as remembered_status,
        cast(null as char(16)) as built_status
    from loads

)

select * from int_shutdown__loads
