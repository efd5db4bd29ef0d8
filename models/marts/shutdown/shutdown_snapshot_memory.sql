{#- What operation remembers of each shutdown, and which inputs were there when it was taken.

    An event is remembered at once, with NULLs for what is missing. As long as its trace row is missing, it takes what
    arrives; once the trace row was there, it never changes again (design section 4, "It remembers"). -#}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["snapshot_rule_id", "run_id", "case_id", "antibody_id", "shutdown_step"],
    merge_exclude_columns=["id"],
    full_refresh=false,
) }}

{%- set state_columns = [
    "shutdown_trigger_final", "SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak",
    "fallback_stage", "fallback_reason_code", "fallback_score",
    "reservation_status", "reservation_reason_code", "risk_score_total",
    "is_trace_found", "is_fallback_found", "is_reservation_found",
] %}

with events as (

    select * from {{ ref("stg_core__shutdown_events") }}

),

state_trace as (

    select * from {{ ref("stg_core__state_trace") }}

),

fallback_decisions as (

    select * from {{ ref("stg_core__fallback_decisions") }}

),

reservation_log as (

    select * from {{ ref("stg_core__reservation_log") }}

),

{% if is_incremental() %}
remembered as (

    select * from {{ this }}
    where snapshot_rule_id = '{{ var("snapshot_rule_id") }}'

),
{% endif %}

-- Left joins: a file may be missing altogether, and the event is remembered all the same.
states as (

    select
        events.run_id,
        events.case_id,
        events.antibody_id,
        events.shutdown_step,
        events.shutdown_trigger_final,
        state_trace.SoMS_cumsum_window,
        state_trace.action_toggle_rate,
        state_trace.blocked_rate_window,
        state_trace.veto_streak,
        fallback_decisions.fallback_stage,
        fallback_decisions.fallback_reason_code,
        fallback_decisions.fallback_score,
        reservation_log.reservation_status,
        reservation_log.reservation_reason_code,
        reservation_log.risk_score_total,
        state_trace.run_id is not null as is_trace_found,
        fallback_decisions.run_id is not null as is_fallback_found,
        reservation_log.run_id is not null as is_reservation_found
    from events
    {%- for input in ["state_trace", "fallback_decisions", "reservation_log"] %}
    left join {{ input }}
        on
            events.run_id = {{ input }}.run_id
            and events.case_id = {{ input }}.case_id
            and events.antibody_id = {{ input }}.antibody_id
            and events.shutdown_step = {{ input }}.step
    {%- endfor %}

),

shutdown_snapshot_memory as (

    select
        cast(null as signed) as id,  -- the table gives it out
        '{{ var("snapshot_rule_id") }}' as snapshot_rule_id,
        utc_timestamp(6) as snapshot_created_at,
        states.run_id,
        states.case_id,
        states.antibody_id,
        states.shutdown_step,
        {%- for column in state_columns %}
        states.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from states
    {%- if is_incremental() %}
    left join remembered
        on
            states.run_id = remembered.run_id
            and states.case_id = remembered.case_id
            and states.antibody_id = remembered.antibody_id
            and states.shutdown_step = remembered.shutdown_step
    where
        remembered.run_id is null
        or (not remembered.is_trace_found and not {{ all_same("states", "remembered", state_columns) }})
    {%- endif %}

)

select * from shutdown_snapshot_memory
