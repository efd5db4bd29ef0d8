{#- Which kinds of file each incremental model is built from, as its config says in `built_from`. -#}
{% macro model_kinds() -%}
{%- set pairs = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == "model" -%}
        {%- for kind in node.config.get("built_from") or [] -%}
            {%- do pairs.append((node.name, kind)) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}
{%- for model, kind in pairs | sort %}
select
    '{{ model }}' as model,
    '{{ kind }}' as kind
{{- " union all" if not loop.last }}
{%- else %}
select
    '' as model,
    '' as kind
{%- endfor %}
{%- endmacro %}
