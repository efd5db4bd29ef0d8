-- What the manifest counts must be what the landing tables and the rejects hold: nothing lost, nothing doubled.
with landed_rows as (

    {% for kind in [
        "core8_state_trace",
        "core8_fallback_decisions",
        "core9_reservation_log",
        "core10_shutdown_events",
    ] %}
    select
        _load_id as load_id,
        count(*) as row_count
    from {{ source("core", kind) }}
    group by _load_id
    {{ "union all" if not loop.last }}
    {% endfor %}

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
    loads.rows_landed <> coalesce(landed_rows.row_count, 0)
    or loads.rows_rejected <> coalesce(rejected_rows.row_count, 0)
