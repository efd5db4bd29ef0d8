{#- dbt asks this for each model, seed and test: the table's name, with the prefix of its layer where that needs one. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) %}
    {{ return(layer_prefix(node.config.schema or "marts") ~ (custom_alias_name or node.name)) }}
{% endmacro %}
