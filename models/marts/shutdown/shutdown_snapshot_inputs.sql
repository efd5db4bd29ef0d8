-- Which inputs each snapshot has, since when, and which it still waits for.
with memory as (

    select * from {{ ref("shutdown_snapshot_memory") }}

),

shutdown_snapshot_inputs as (

    select
        id as snapshot_id,
        snapshot_rule_id,
        {{ shutdown_key() | join(",\n        ") }},
        event_taken_at,
        {% for input in awaited_inputs() -%}
        {{ input }}_taken_at,
        {% endfor -%}
        {% for input in awaited_inputs() -%}
        {{ input }}_taken_at is not null{{ " and " if not loop.last }}
        {%- endfor %} as is_complete,
        nullif(
            concat_ws(
                ', '{% for input in awaited_inputs() %},
                case when {{ input }}_taken_at is null then '{{ input }}' end{% endfor %}
            ),
            ''
        ) as missing_inputs
    from memory

)

select * from shutdown_snapshot_inputs
