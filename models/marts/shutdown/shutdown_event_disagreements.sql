-- Where an event's own copy of a fallback or reservation column says something else than the file it was copied from.
-- Grain: one row for each column of an event that disagrees. A copy that is empty, or whose source was never landed,
-- says nothing; `shutdown_snapshot_inputs` lists what is missing.
{%- set copied = [] %}
{%- set conditions = {} %}
{%- for input in ["fallback", "reservation"] %}
{%- for column in snapshot_inputs()[input] %}
{%- do copied.append(column) %}
{%- do conditions.update({column: "events." ~ column ~ " is not null and current_states.is_" ~ input ~ "_found"}) %}
{%- endfor %}
{%- endfor %}

with events as (

    select * from {{ ref("stg_core__shutdown_events") }}

),

current_states as (

    select * from {{ ref("int_shutdown__states") }}

),

shutdown_event_disagreements as (

    {{ differing_columns(
        "events",
        "current_states",
        key=shutdown_key(),
        columns=copied,
        left_value="event_value",
        right_value="joined_value",
        conditions=conditions
    ) | indent }}

)

select * from shutdown_event_disagreements
