-- Every landed event must have a snapshot, however little else is there. Events that land during the build are picked
-- up by the next one.
{{ config(tags="full") }}

select
    events.run_id,
    events.case_id,
    events.antibody_id,
    events.shutdown_step
from {{ ref("stg_core__shutdown_events") }} as events
inner join {{ source("landing", "landing_loads") }} as loads
    on events.load_id = loads.load_id
left join {{ ref("shutdown_state_snapshot") }} as snapshots
    on
        events.run_id = snapshots.run_id
        and events.case_id = snapshots.case_id
        and events.antibody_id = snapshots.antibody_id
        and events.shutdown_step = snapshots.shutdown_step
        and snapshots.snapshot_rule_id = {{ snapshot_rule() }}
where
    snapshots.id is null
    and loads.finished_at < timestamp(left('{{ run_started_at }}', 19))  -- UTC, to the second
