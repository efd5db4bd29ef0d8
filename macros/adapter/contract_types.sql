{#- dbt-mysql 1.7 cannot compare a contract with a model: it casts NULL to each declared type, and MySQL casts to fewer
    types than its columns have (no VARCHAR, INT or BIGINT). Here each is cast to the type of its family, and the
    comparison is between families; the declared type itself is in the table's DDL.
    Droppable when the adapter's own get_empty_schema_sql passes a contract with varchar, int and bigint. -#}

{% macro mysql__get_empty_schema_sql(columns) -%}
select
    {%- for column in columns.values() %}
    cast(null as {{ cast_target(column) }}) as {{ adapter.quote(column.name) }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro mariadb__get_empty_schema_sql(columns) -%}
{{ mysql__get_empty_schema_sql(columns) }}
{%- endmacro %}

{% macro cast_target(column) -%}
{%- set targets = {
    "varchar": "char", "char": "char", "text": "char", "longtext": "char",
    "tinyint": "signed", "smallint": "signed", "int": "signed", "integer": "signed", "bigint": "signed", "boolean": "signed",
    "double": "double", "datetime": "datetime(6)",
} -%}
{%- set declared = (column.data_type or "").lower().split("(")[0] | trim -%}
{%- if declared not in targets -%}
    {{ exceptions.raise_compiler_error(
        "Column `" ~ column.name ~ "` of `" ~ model.name ~ "` is declared as `" ~ column.data_type
        ~ "`, expected one of: " ~ targets.keys() | join(", ")
    ) }}
{%- endif -%}
{{ targets[declared] }}
{%- endmacro %}

{% macro mysql__format_column(column) -%}
{%- set families = {
    "TINY": "integer", "SHORT": "integer", "INT24": "integer", "INTEGER": "integer",
    "TEXT": "text", "BLOB": "text", "LONG_BLOB": "text", "MEDIUM_BLOB": "text", "TINY_BLOB": "text", "JSON": "text",
} -%}
{%- set family = families.get(column.dtype, column.dtype | lower) -%}
{{ return({"name": column.name, "data_type": family, "formatted": column.name | lower ~ " " ~ family}) }}
{%- endmacro %}

{% macro mariadb__format_column(column) -%}
{{ return(mysql__format_column(column)) }}
{%- endmacro %}
