{#- Delete what the table of built loads says of models that the project no longer has, or that no longer say what they are
    built from; its post-hook. Nobody would let a load go for them: `prune` would keep it for good. -#}
{% macro forget_former_models() -%}
{%- if execute -%}
    {%- set models = graph.nodes.values() | selectattr("resource_type", "equalto", "model") -%}
    {%- set names = models | selectattr("config.built_from") | map(attribute="name") | sort -%}
-- a name may go on behind a blank: ` without`, ` by ` and a rule
delete from {{ this }} where substring_index(model, ' ', 1) not in ('{{ names | join("', '") }}')
{%- endif -%}
{%- endmacro %}
