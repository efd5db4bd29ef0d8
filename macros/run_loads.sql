{#- How many rows of each run are in each of `loads` (load_id, kind). -#}
{% macro run_loads(loads, kinds) -%}
    {{ return(adapter.dispatch("run_loads", "afterstate")(loads, kinds)) }}
{%- endmacro %}

{#- Where all loads are read, as in a first build: along each file's index, which has the rows of a run together. A run that
    is in one load, as most are, is counted in passing; grouping by load and run takes a temporary table, and MySQL four
    times as long. -#}
{% macro default__run_loads(loads, kinds) -%}
{%- if is_incremental() -%}
{{ run_loads_by_load(loads, kinds) }}
{%- else -%}
with runs as (

    {% for kind in kinds -%}
    {% set landed = source("core", kind) -%}
    select
        '{{ kind }}' as kind,
        run_id,
        min(_load_id) as load_id,
        max(_load_id) as last_load_id,
        count(*) as row_count
    from {{ landed }} {{ key_index(landed) }}
    group by run_id
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    runs.load_id,
    runs.run_id,
    runs.row_count
from runs
inner join {{ loads }} on runs.load_id = {{ loads }}.load_id
where runs.load_id = runs.last_load_id
{% for kind in kinds -%}
{% set landed = source("core", kind) -%}
union all
select
    {{ loads }}.load_id,
    runs.run_id,
    count(*) as row_count
from runs
{{ inner_join_in_order() }} {{ landed }} as landed {{ key_index(landed) }} on runs.run_id = landed.run_id
{{ inner_join_in_order() }} {{ loads }} on landed._load_id = {{ loads }}.load_id
where
    runs.kind = '{{ kind }}'
    and runs.load_id < runs.last_load_id
group by {{ loads }}.load_id, runs.run_id
{% endfor %}
{%- endif -%}
{%- endmacro %}

{#- Delta has no indexes, and a load's rows are in files of their own. -#}
{% macro spark__run_loads(loads, kinds) -%}
    {{ return(run_loads_by_load(loads, kinds)) }}
{%- endmacro %}

{% macro run_loads_by_load(loads, kinds) -%}
{% for kind in kinds -%}
select
    {{ loads }}.load_id,
    landed.run_id,
    count(*) as row_count
from {{ loads }}
inner join {{ source("core", kind) }} as landed on {{ loads }}.load_id = landed._load_id
where {{ loads }}.kind = '{{ kind }}'
group by {{ loads }}.load_id, landed.run_id
{{ "union all" if not loop.last }}
{% endfor %}
{%- endmacro %}
