-- The contract's table, made anew from the memory by each build: the memory alone remembers.
with memory as (

    select * from {{ ref("shutdown_snapshot_memory") }}

),

shutdown_state_snapshot as (

    select
        id,
        snapshot_rule_id,
        coalesce(trace_taken_at, event_taken_at) as snapshot_created_at,
        {{ (shutdown_key() + state_columns()) | join(",\n        ") }}
    from memory

)

select * from shutdown_state_snapshot
