{#- Every statement of every key of a landing table, and from when to when it was the latest: what did we know when?
    What was withdrawn is left out, as if it had never landed. Within one file the last row of a key counts. Loads that
    land side by side may finish in another order than they began, so that a statement ends with the first of the later
    ones to finish.

    Look-ups instead of windows, so that asking for a few keys is cheap; by the key's index, since on tables without
    statistics yet MariaDB may read a whole load for each row. -#}
{% macro row_history(landing, key, columns) %}
    {{- return(adapter.dispatch("row_history", "afterstate")(landing, key, columns)) -}}
{% endmacro %}

{% macro default__row_history(landing, key, columns) %}
{%- set later = later_statements(landing, key) %}
select
    landed.{{ (key + columns) | join(",\n    landed.") }},
    loads.finished_at as valid_from,
    {{ later.valid_to }} as valid_to,
    landed._load_id as load_id,
    landed._row_no as row_no,
    landed._line_no as line_no
from {{ landing }} as landed
inner join {{ source("landing", "landing_loads") }} as loads
    on landed._load_id = loads.load_id
{{- later.join }}
where
    loads.status <> 'withdrawn'
    and not {{ later.is_in_same_load }}
{%- endmacro %}

{#- Spark looks nothing up by a key: it sorts the statements of each key once. -#}
{% macro spark__row_history(landing, key, columns) %}
select
    {{ (key + columns) | join(",\n    ") }},
    valid_from,
    valid_to,
    load_id,
    row_no,
    line_no
from (
    select
        landed.{{ (key + columns) | join(",\n        landed.") }},
        loads.finished_at as valid_from,
        min(loads.finished_at) over (
            partition by landed.{{ key | join(", landed.") }}
            order by landed._load_id
            range between 1 following and unbounded following
        ) as valid_to,
        max(landed._row_no) over (partition by landed.{{ key | join(", landed.") }}, landed._load_id) as last_row_no,
        landed._load_id as load_id,
        landed._row_no as row_no,
        landed._line_no as line_no
    from {{ landing }} as landed
    inner join {{ source("landing", "landing_loads") }} as loads
        on landed._load_id = loads.load_id
    where loads.status <> 'withdrawn'
) as statements
where row_no = last_row_no
{%- endmacro %}
