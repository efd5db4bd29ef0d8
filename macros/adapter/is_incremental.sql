{#- dbt's own answer, and two more reasons to build in full: a derived table that another contract made, as an older
    release did, or that another rule of snapshots did. It holds nothing that cannot be derived again; tables that
    remember (`merge`) are never rebuilt so. -#}
{% macro is_incremental() %}
    {% if not execute %}
        {{ return(false) }}
    {% endif %}
    {% set relation = load_relation(this) %}
    {{ return(
        relation is not none
        and relation.type == "table"
        and model.config.materialized == "incremental"
        and not should_full_refresh()
        and not must_rebuild(relation)
    ) }}
{% endmacro %}

{% macro must_rebuild(relation) %}
    {{ return(
        config.get("incremental_strategy") == "replace"
        and relation.is_table
        and (has_other_columns(relation) or is_of_another_rule())
    ) }}
{% endmacro %}

{#- Whether a table has other columns or types than the contract of the model being built. -#}
{% macro has_other_columns(relation) %}
    {% set there = {} %}
    {% for name, column in columns_there(relation).items() %}
        {% do there.update({name: column_type(column.type)}) %}
    {% endfor %}
    {% set declared = {} %}
    {% for column in model.columns.values() %}
        {% do declared.update({column.name: column_type(column.data_type)}) %}
    {% endfor %}
    {{ return(there != declared) }}
{% endmacro %}

{#- A type as both servers and contracts spell it: MariaDB shows widths of integers, dbt makes INTEGER of a contract's
    INT, and a boolean is a TINYINT. -#}
{% macro column_type(spelled) %}
    {% set type = spelled | lower | trim %}
    {% set type = modules.re.sub("^(tinyint|smallint|int|bigint)\\(\\d+\\)", "\\1", type) %}
    {{ return(adapter.dispatch("shown_type", "afterstate")(type)) }}
{% endmacro %}

{#- The type that the engine shows of a column that was declared with one. -#}
{% macro default__shown_type(declared) %}
    {{ return({"boolean": "tinyint", "integer": "int"}.get(declared, declared)) }}
{% endmacro %}

{% macro spark__shown_type(declared) %}
    {{ return(spark_type(declared)) }}
{% endmacro %}
