-- Each snapshot with what one should know before one relies on it: is it complete, was it taken again, do the files now
-- say something else? The contract of `shutdown_state_snapshot` has no room for that. Grain: one row for each snapshot.
{%- set snapshot_key = ["snapshot_rule_id"] + shutdown_key() %}

with snapshots as (

    select
        snapshots.*,
        snapshots.snapshot_rule_id = {{ snapshot_rule() }} as is_current_rule
    from {{ ref("shutdown_state_snapshot") }} as snapshots

),

inputs as (

    select * from {{ ref("shutdown_snapshot_inputs") }}

),

retakes as (

    select
        {{ snapshot_key | join(",\n        ") }},
        count(*) as retake_count,
        max(retaken_at) as last_retaken_at
    from {{ ref("shutdown_snapshot_retakes") }}
    group by {{ snapshot_key | join(", ") }}

),

drifts as (

    select
        snapshot_id,
        count(*) as drifted_column_count
    from {{ ref("shutdown_snapshot_drift") }}
    group by snapshot_id

),

shutdown_snapshot_overview as (

    select
        snapshots.id as snapshot_id,
        snapshots.snapshot_rule_id,
        snapshots.snapshot_created_at,
        snapshots.{{ (shutdown_key() + state_columns()) | join(",\n        snapshots.") }},
        triggers.meaning as shutdown_trigger_meaning,
        stages.meaning as fallback_stage_meaning,
        stages.severity as fallback_severity,
        snapshots.is_current_rule,
        inputs.is_complete,
        inputs.missing_inputs,
        coalesce(retakes.retake_count, 0) as retake_count,
        retakes.last_retaken_at,
        -- drift is measured for the current rule alone
        case when snapshots.is_current_rule then coalesce(drifts.drifted_column_count, 0) end as drifted_column_count
    from snapshots
    inner join inputs on snapshots.id = inputs.snapshot_id
    left join retakes on {{ same_key("snapshots", "retakes", snapshot_key) }}
    left join drifts on snapshots.id = drifts.snapshot_id
    left join {{ ref("core_shutdown_triggers") }} as triggers
        on snapshots.shutdown_trigger_final = triggers.shutdown_trigger_final
    left join {{ ref("core_fallback_stages") }} as stages on snapshots.fallback_stage = stages.fallback_stage

)

select * from shutdown_snapshot_overview
