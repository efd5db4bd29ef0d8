-- How much of each run's snapshots is there.
with memory as (

    select * from {{ ref("shutdown_snapshot_memory") }}

),

shutdown_snapshot_coverage as (

    select
        snapshot_rule_id,
        run_id,
        count(*) as event_count,
        count(case when is_trace_found then 1 end) as matched_count,
        count(case when not is_trace_found then 1 end) as missing_trace_count,
        count(case when not is_fallback_found then 1 end) as missing_fallback_count,
        count(case when not is_reservation_found then 1 end) as missing_reservation_count
    from memory
    group by snapshot_rule_id, run_id

)

select * from shutdown_snapshot_coverage
