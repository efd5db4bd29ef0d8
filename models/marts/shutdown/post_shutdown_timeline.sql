-- What happened after a shutdown: the steps that follow it, and how far they are from its state.
-- Grain: one row for each snapshot and later step of the same design. Differences are step minus frozen.
{{ config(measured_from_snapshots=true, post_hook="{{ note_snapshot_rule() }}") }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}

with snapshots as (

    select snapshots.*
    from {{ ref("shutdown_state_snapshot") }} as snapshots
    {{ join_changed_designs("snapshots") }}
    where {{ in_part("snapshots.id div 64") }}

),

post_shutdown_timeline as (

    select
        snapshots.id as snapshot_id,
        steps.run_id,
        steps.case_id,
        steps.antibody_id,
        snapshots.shutdown_step,
        steps.step,
        steps.step - snapshots.shutdown_step as steps_after_shutdown,
        steps.SoMS_cumsum_window,
        {{ double_difference("steps.SoMS_cumsum_window", "snapshots.SoMS_cumsum_window") }}
            as SoMS_cumsum_window_difference,
        steps.action_toggle_rate,
        {{ double_difference("steps.action_toggle_rate", "snapshots.action_toggle_rate") }}
            as action_toggle_rate_difference,
        steps.blocked_rate_window,
        {{ double_difference("steps.blocked_rate_window", "snapshots.blocked_rate_window") }}
            as blocked_rate_window_difference,
        steps.veto_streak,
        steps.veto_streak - snapshots.veto_streak as veto_streak_difference,
        steps.fallback_stage,
        steps.fallback_score,
        {{ double_difference("steps.fallback_score", "snapshots.fallback_score") }}
            as fallback_score_difference,
        steps.reservation_status,
        steps.risk_score_total,
        {{ double_difference("steps.risk_score_total", "snapshots.risk_score_total") }}
            as risk_score_total_difference
    from snapshots
    {{ inner_join_in_order() }} {{ in_reach(ref("design_trajectory")) }} as steps {{ primary_key_index() }}
        on
            {{ same_key("snapshots", "steps", design) }}
            and snapshots.shutdown_step < steps.step
    where steps.trace_load_id is not null

)

select * from post_shutdown_timeline
