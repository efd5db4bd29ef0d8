-- Where an event's own copy of a fallback or reservation column says something else than the file it was copied from.
-- Grain: one row for each column of an event that disagrees. A copy that is empty, or whose source was never landed,
-- says nothing; `shutdown_snapshot_coverage` counts what is missing.
{%- set fallback_columns = ["fallback_stage", "fallback_reason_code", "fallback_score"] %}
{%- set reservation_columns = ["reservation_status", "reservation_reason_code", "risk_score_total"] %}
{%- set conditions = {} %}
{%- for column in fallback_columns %}
{%- do conditions.update({column: "events." ~ column ~ " is not null and current_states.is_fallback_found"}) %}
{%- endfor %}
{%- for column in reservation_columns %}
{%- do conditions.update({column: "events." ~ column ~ " is not null and current_states.is_reservation_found"}) %}
{%- endfor %}

with events as (

    select * from {{ ref("stg_core__shutdown_events") }}

),

current_states as (

    select * from {{ ref("int_shutdown__current_states") }}

),

shutdown_event_disagreements as (

    {{ differing_columns(
        "events",
        "current_states",
        key=["run_id", "case_id", "antibody_id", "shutdown_step"],
        columns=fallback_columns + reservation_columns,
        left_value="event_value",
        right_value="joined_value",
        conditions=conditions
    ) | indent }}

)

select * from shutdown_event_disagreements
