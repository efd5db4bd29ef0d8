{#- Where the layers of a warehouse are, in a schema each or all in one database: a layer is a schema and a prefix of its
    tables' names. `afterstate/warehouse/layout.py` has the same idea in Python; the target's name tells which form it is.

    Models are placed by `generate_schema_name` and `generate_alias_name`, from their `+schema`; sources say it in their
    YAML, where there are no macros. All else asks `layer_relation`. -#}

{#- The relation of a table or view in a layer: `marts`, `landing`, `staging` or `audit`. -#}
{% macro layer_relation(layer, name, type="table") %}
    {{ return(api.Relation.create(
        schema=layer_schema(layer), identifier=layer_prefix(layer) ~ name, type=type
    )) }}
{% endmacro %}

{#- The schema of a layer. -#}
{% macro layer_schema(layer) %}
    {{ return(target.schema if layer == "marts" or is_one_database() else target.schema ~ "_" ~ layer) }}
{% endmacro %}

{#- What a table's name begins with in a layer. -#}
{% macro layer_prefix(layer) %}
    {{ return(layer ~ "__" if layer != "marts" and is_one_database() else "") }}
{% endmacro %}

{#- Whether all layers share one database. -#}
{% macro is_one_database() %}
    {{ return(target.name.endswith("__one_database")) }}
{% endmacro %}
