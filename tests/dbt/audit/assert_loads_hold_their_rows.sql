-- What the manifest counts must be what the landing tables and the rejects hold: nothing lost, nothing doubled.
-- The rows of a pruned load are gone, all of them.
{{ config(tags="full") }}

with landed_rows as (

    {{ landed_row_counts() | indent }}

),

rejected_rows as (

    select
        load_id,
        count(*) as row_count
    from {{ source("landing", "landing_rejects") }}
    group by load_id

)

select loads.load_id
from {{ source("landing", "landing_loads") }} as loads
left join landed_rows on loads.load_id = landed_rows.load_id
left join rejected_rows on loads.load_id = rejected_rows.load_id
where
    if(loads.status = 'pruned', 0, loads.rows_landed) <> coalesce(landed_rows.row_count, 0)
    or loads.rows_rejected <> coalesce(rejected_rows.row_count, 0)
