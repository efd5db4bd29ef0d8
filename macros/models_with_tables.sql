{#- The names of the incremental models that name the kinds they are built from, and that have a table already. -#}
{% macro models_with_tables() -%}
{%- set names = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == "model" and node.config.get("built_from") -%}
        {%- set relation = api.Relation.create(schema=node.schema, identifier=node.alias, type="table") -%}
        {%- if load_cached_relation(relation) -%}
            {%- do names.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}
{{ return(names | sort) }}
{%- endmacro %}
