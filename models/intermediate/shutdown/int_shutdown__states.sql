-- The state at each shutdown step as of this build: what the memory takes, and what drift is measured against.
-- Grain: one row per shutdown event. A table, since several marts read it, and few designs change with a build.
with int_shutdown__states as (

    select
        {% for column in shutdown_key() + state_columns() -%}
        current_states.{{ column }},
        {% endfor -%}
        {% for input in awaited_inputs() -%}
        current_states.is_{{ input }}_found,
        current_states.{{ input }}_load_id,
        current_states.{{ input }}_line_no,
        {% endfor -%}
        current_states.event_load_id,
        current_states.event_line_no
    from {{ ref("int_shutdown__current_states") }} as current_states
    {{ join_changed_designs("current_states") }}

)

select * from int_shutdown__states
