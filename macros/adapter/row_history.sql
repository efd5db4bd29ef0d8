{#- Every statement of every key of a landing table, and from when to when it was the latest: what did we know when?
    What was withdrawn is left out, as if it had never landed. Within one file the last row of a key counts. Loads that
    land side by side may finish in another order than they began, so that a statement ends with the first of the later
    ones to finish.

    Look-ups instead of windows, so that asking for a few keys is cheap; by the key's index, since on tables without
    statistics yet MariaDB may read a whole load for each row. -#}
{% macro row_history(landing, key, columns) -%}
{{ return(adapter.dispatch("row_history", "afterstate")(landing, key, columns)) }}
{%- endmacro %}

{#- A query that does not ask for `valid_to` is spared its look-up. MariaDB has no LATERAL. -#}
{% macro default__row_history(landing, key, columns) %}
select
    landed.{{ (key + columns) | join(",\n    landed.") }},
    loads.finished_at as valid_from,
    (
        select min(later_loads.finished_at)
        from {{ landing }} as later {{ key_index(landing) }}
        inner join {{ source("landing", "landing_loads") }} as later_loads
            on later._load_id = later_loads.load_id
        where
            {{ same_key("later", "landed", key) }}
            and later._load_id > landed._load_id
            and later_loads.status <> 'withdrawn'
    ) as valid_to,
    landed._load_id as load_id,
    landed._row_no as row_no,
    landed._line_no as line_no
from {{ landing }} as landed
inner join {{ source("landing", "landing_loads") }} as loads
    on landed._load_id = loads.load_id
where
    loads.status <> 'withdrawn'
    and not exists (
        select 1
        from {{ landing }} as later {{ key_index(landing) }}
        where
            {{ same_key("later", "landed", key) }}
            and later._load_id = landed._load_id
            and later._row_no > landed._row_no
    )
{%- endmacro %}

{#- MySQL stores the whole result of a view that has a subquery in its select list before it returns the first row, and
    counts it no faster. One look-up that is joined finds both, a later row in the same load and later loads. Its order
    is given: without statistics of the loads, MySQL would look up each of them for every row. -#}
{% macro mysql__row_history(landing, key, columns) %}
select
    landed.{{ (key + columns) | join(",\n    landed.") }},
    loads.finished_at as valid_from,
    restated.valid_to,
    landed._load_id as load_id,
    landed._row_no as row_no,
    landed._line_no as line_no
from {{ landing }} as landed
inner join {{ source("landing", "landing_loads") }} as loads
    on landed._load_id = loads.load_id
inner join lateral (
    select
        min(later_loads.finished_at) as valid_to,
        coalesce(max(later._load_id = landed._load_id), 0) as is_in_same_load
    from {{ landing }} as later {{ key_index(landing) }}
    straight_join {{ source("landing", "landing_loads") }} as later_loads
        on later._load_id = later_loads.load_id
    where
        {{ same_key("later", "landed", key) }}
        and (later._load_id, later._row_no) > (landed._load_id, landed._row_no)
        and later_loads.status <> 'withdrawn'
) as restated
    on not restated.is_in_same_load
where loads.status <> 'withdrawn'
{%- endmacro %}
