-- The state at each shutdown step as the landed files say it now; what is remembered of it is in the marts.
-- Grain: one row for each shutdown event. Left joins: a file may be missing, and the event stays all the same.
{%- set design = ["run_id", "case_id", "antibody_id"] %}

with event as (

    select * from {{ ref("stg_core__shutdown_events") }}

),

trace as (

    select * from {{ ref("stg_core__state_trace") }}

),

fallback as (

    select * from {{ ref("stg_core__fallback_decisions") }}

),

reservation as (

    select * from {{ ref("stg_core__reservation_log") }}

),

int_shutdown__current_states as (

    select
        {% for column in shutdown_key() -%}
        event.{{ column }},
        {% endfor -%}
        {% for input, columns in snapshot_inputs().items() -%}
        {% for column in columns -%}
        {{ input }}.{{ column }},
        {% endfor -%}
        {% endfor -%}
        {% for input in awaited_inputs() -%}
        {{ input }}.run_id is not null as is_{{ input }}_found,
        {{ input }}.load_id as {{ input }}_load_id,
        {{ input }}.line_no as {{ input }}_line_no,
        {% endfor -%}
        event.load_id as event_load_id,
        event.line_no as event_line_no
    from event
    {% for input in awaited_inputs() -%}
    left join {{ input }}
        on {{ same_key("event", input, design) }} and event.shutdown_step = {{ input }}.step
    {% endfor %}
)

select * from int_shutdown__current_states
