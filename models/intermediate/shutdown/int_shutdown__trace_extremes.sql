-- The extremes of each design in the state trace. Grain: one row per design.
{{ config(built_from=["core8_state_trace"], post_hook="{{ note_built_loads() }}") }}

with landed as (

    select landed.*
    from {{ ref("stg_core__state_trace") }} as landed
    {{ join_changed_designs("landed") }}

),

int_shutdown__trace_extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        count(*) as step_count,
        min(step) as first_step,
        max(step) as last_step,
        max(SoMS_cumsum_window) as max_SoMS_cumsum_window,
        max(action_toggle_rate) as max_action_toggle_rate,
        max(blocked_rate_window) as max_blocked_rate_window,
        max(veto_streak) as max_veto_streak
    from landed
    group by run_id, case_id, antibody_id

)

select * from int_shutdown__trace_extremes
