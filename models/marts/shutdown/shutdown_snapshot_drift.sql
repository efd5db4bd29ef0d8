-- Where the landed files now say something else than a snapshot that has taken the input does.
-- Grain: one row for each column of a snapshot that differs. An input that is still awaited has nothing to drift from.
{%- set conditions = {} %}
{%- set details = {} %}
{%- for input, columns in snapshot_inputs().items() %}
{%- for column in columns %}
{%- do conditions.update({column: "frozen." ~ input ~ "_taken_at is not null"}) %}
{%- do details.update({column: [
    "frozen.id as snapshot_id",
    "current_states." ~ input ~ "_load_id as current_load_id",
    "current_states." ~ input ~ "_line_no as current_line_no",
]}) %}
{%- endfor %}
{%- endfor %}

with frozen as (

    select * from {{ ref("shutdown_snapshot_memory") }}
    where snapshot_rule_id = {{ snapshot_rule() }}

),

current_states as (

    select * from {{ ref("int_shutdown__states") }}

),

shutdown_snapshot_drift as (

    {{ differing_columns(
        "frozen",
        "current_states",
        key=shutdown_key(),
        columns=state_columns(),
        left_value="frozen_value",
        right_value="current_value",
        conditions=conditions,
        details=details
    ) | indent }}

)

select * from shutdown_snapshot_drift
