{#- dbt asks this for each model, seed and test: `+schema` names its layer, and the marts need none. -#}
{% macro generate_schema_name(custom_schema_name=none, node=none) %}
    {{ return(layer_schema(custom_schema_name or "marts")) }}
{% endmacro %}
