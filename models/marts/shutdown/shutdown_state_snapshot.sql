-- The contract's table, rebuilt from the memory by each build: the memory alone remembers. Once it is there, the loads
-- that the memory has seen count as built. What explains snapshots is built before them, so that wherever there are
-- snapshots, an export knows their gaps and their drift, and `afterstate retake` finds its table.
-- depends_on: {{ ref("int_shutdown__loads") }}
-- depends_on: {{ ref("shutdown_snapshot_inputs") }}
-- depends_on: {{ ref("shutdown_snapshot_drift") }}
-- depends_on: {{ ref("shutdown_snapshot_retakes") }}
{{ config(post_hook="update {{ ref('int_shutdown__loads') }} set built_status = remembered_status") }}

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
