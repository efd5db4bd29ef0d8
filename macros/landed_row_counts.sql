{#- The number of rows of each load in each landing table, whatever the kind: a source that is added is counted. -#}
{% macro landed_row_counts() -%}
{%- set tables = [] -%}
{%- if execute -%}
    {%- for table in graph.sources.values() if table.source_name != "landing" -%}
        {%- do tables.append(table.relation_name) -%}
    {%- endfor -%}
{%- endif -%}
{%- for table in tables | sort %}
select
    _load_id as load_id,
    count(*) as row_count
from {{ table }}
group by _load_id
{{- " union all" if not loop.last }}
{%- else %}
select
    0 as load_id,
    0 as row_count
{%- endfor %}
{%- endmacro %}
