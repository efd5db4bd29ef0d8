-- What became of each design: its steps, its shutdown or none, its extremes.
-- Grain: one row per run, case and antibody that has a trace or an event.
{%- set design = ["run_id", "case_id", "antibody_id"] %}

with extremes as (

    select * from {{ ref("int_shutdown__extremes") }}

),

snapshots as (

    select * from {{ ref("shutdown_state_snapshot") }}
    where snapshot_rule_id = {{ snapshot_rule() }}

),

-- A corrected event gives a design a second shutdown; the first is the one that ended it.
shutdowns as (

    select
        run_id,
        case_id,
        antibody_id,
        count(*) as shutdown_count,
        min(shutdown_step) as first_shutdown_step
    from snapshots
    group by run_id, case_id, antibody_id

),

designs as (

    select
        run_id,
        case_id,
        antibody_id
    from extremes
    where step_count > 0
    union distinct
    select
        run_id,
        case_id,
        antibody_id
    from shutdowns

),

governed_run_summary as (

    select
        designs.run_id,
        designs.case_id,
        designs.antibody_id,
        coalesce(extremes.step_count, 0) as step_count,
        extremes.first_step,
        extremes.last_step,
        coalesce(shutdowns.shutdown_count, 0) as shutdown_count,
        shutdowns.first_shutdown_step,
        snapshots.shutdown_trigger_final,
        extremes.max_SoMS_cumsum_window,
        extremes.max_action_toggle_rate,
        extremes.max_blocked_rate_window,
        extremes.max_veto_streak,
        extremes.max_fallback_score,
        extremes.max_risk_score_total
    from designs
    left join extremes on {{ same_key("designs", "extremes", design) }}
    left join shutdowns on {{ same_key("designs", "shutdowns", design) }}
    left join snapshots
        on
            {{ same_key("shutdowns", "snapshots", design) }}
            and shutdowns.first_shutdown_step = snapshots.shutdown_step

)

select * from governed_run_summary
