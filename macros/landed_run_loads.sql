{#- How many rows of each run are in each of `loads` (load_id, kind), of everything that has landed: each file's index is read
    in its order. A run that is in one load, as most are, is counted without a temporary table of all groups, which takes
    MySQL three times as long. -#}
{% macro landed_run_loads(loads, kinds) -%}
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
{%- endmacro %}
