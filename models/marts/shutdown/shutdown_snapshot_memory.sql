-- What operation remembers of each shutdown, and which inputs were there when it was taken (design section 4).
-- Grain: one row for each event and rule. An event is remembered at once, with NULLs for what is missing; while its
-- trace row is missing it takes what arrives, and once the trace row was there it never changes again.
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["snapshot_rule_id", "run_id", "case_id", "antibody_id", "shutdown_step"],
    merge_exclude_columns=["id"],
    full_refresh=false,
) }}

{%- set state_columns = [
    "shutdown_trigger_final",
    "SoMS_cumsum_window",
    "action_toggle_rate",
    "blocked_rate_window",
    "veto_streak",
    "fallback_stage",
    "fallback_reason_code",
    "fallback_score",
    "reservation_status",
    "reservation_reason_code",
    "risk_score_total",
    "is_trace_found",
    "is_fallback_found",
    "is_reservation_found",
] %}

with current_states as (

    select * from {{ ref("int_shutdown__current_states") }}

),

{% if is_incremental() %}
remembered as (

    select * from {{ this }}
    where snapshot_rule_id = '{{ var("snapshot_rule_id") }}'

),
{% endif %}

shutdown_snapshot_memory as (

    select
        cast(null as signed) as id,  -- the table gives it out
        '{{ var("snapshot_rule_id") }}' as snapshot_rule_id,
        utc_timestamp(6) as snapshot_created_at,
        current_states.run_id,
        current_states.case_id,
        current_states.antibody_id,
        current_states.shutdown_step,
        {{ "current_states." ~ state_columns | join(",\n        current_states.") }}
    from current_states
    {% if is_incremental() %}
    left join remembered
        on
            current_states.run_id = remembered.run_id
            and current_states.case_id = remembered.case_id
            and current_states.antibody_id = remembered.antibody_id
            and current_states.shutdown_step = remembered.shutdown_step
    where
        remembered.run_id is null
        or (not remembered.is_trace_found and not {{ all_same("current_states", "remembered", state_columns) }})
    {% endif %}

)

select * from shutdown_snapshot_memory
