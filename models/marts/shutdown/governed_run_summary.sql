-- What became of each design: its steps, its shutdown or none, its extremes.
-- Grain: one row per run, case and antibody that has a trace or an event.
{{ config(measured_from_snapshots=true, post_hook="{{ note_snapshot_rule() }}") }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}

with steps as (

    select steps.*
    from {{ in_reach(ref("design_trajectory")) }} as steps
    {{ join_changed_designs("steps") }}

),

snapshots as (

    select snapshots.*
    from {{ ref("shutdown_state_snapshot") }} as snapshots
    {{ join_changed_designs("snapshots") }}
    where snapshots.snapshot_rule_id = {{ snapshot_rule() }}

),

extremes as (

    select
        {{ design | join(",\n        ") }},
        count(trace_load_id) as step_count,
        min(case when trace_load_id is not null then step end) as first_step,
        max(case when trace_load_id is not null then step end) as last_step,
        max(SoMS_cumsum_window) as max_SoMS_cumsum_window,
        max(action_toggle_rate) as max_action_toggle_rate,
        max(blocked_rate_window) as max_blocked_rate_window,
        max(veto_streak) as max_veto_streak,
        max(fallback_score) as max_fallback_score,
        max(risk_score_total) as max_risk_score_total
    from steps
    group by {{ design | join(", ") }}

),

-- A corrected event gives a design a second shutdown; the first is the one that ended it.
shutdowns as (

    select
        {{ design | join(",\n        ") }},
        count(*) as shutdown_count,
        min(shutdown_step) as first_shutdown_step
    from snapshots
    group by {{ design | join(", ") }}

),

designs as (

    select {{ design | join(", ") }} from extremes
    where step_count > 0
    union distinct
    select {{ design | join(", ") }} from shutdowns

),

governed_run_summary as (

    select
        designs.{{ design | join(",\n        designs.") }},
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
