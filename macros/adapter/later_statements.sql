{#- What later rows say of a row of `landed`: a join that looks them up, if the engine needs one, and two expressions,
    when the first later load finished and whether a later row is in the same load. -#}
{% macro later_statements(landing, key) -%}
{{ return(adapter.dispatch("later_statements", "afterstate")(landing, key)) }}
{%- endmacro %}

{#- A query that does not ask for `valid_to` is spared its look-up. MariaDB has no LATERAL. -#}
{% macro default__later_statements(landing, key) -%}
{%- set valid_to -%}
(
        select min(later_loads.finished_at)
        from {{ landing }} as later {{ key_index(landing) }}
        inner join {{ source("landing", "landing_loads") }} as later_loads
            on later._load_id = later_loads.load_id
        where
            {{ same_key("later", "landed", key) }}
            and later._load_id > landed._load_id
            and later_loads.status <> 'withdrawn'
    )
{%- endset -%}
{%- set is_in_same_load -%}
exists (
        select 1
        from {{ landing }} as later {{ key_index(landing) }}
        where
            {{ same_key("later", "landed", key) }}
            and later._load_id = landed._load_id
            and later._row_no > landed._row_no
    )
{%- endset -%}
{{ return({"join": "", "valid_to": valid_to, "is_in_same_load": is_in_same_load}) }}
{%- endmacro %}

{#- MySQL stores the whole result of a view that has a subquery in its select list before it returns the first row, and
    counts it no faster. One look-up that is joined finds both, a later row in the same load and later loads. Its order
    is given: without statistics of the loads, MySQL would look up each of them for every row. -#}
{% macro mysql__later_statements(landing, key) -%}
{%- set join %}
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
    on true
{%- endset -%}
{{ return({"join": join, "valid_to": "restated.valid_to", "is_in_same_load": "restated.is_in_same_load"}) }}
{%- endmacro %}
