{#- Seeds: dbt-spark drops a seed and makes it again, so that readers find none in between. Here it is filled as a whole. -#}

{% macro spark__create_csv_table(model, agate_table) %}
    {% set sql %}
        create or replace table {{ this }} (
            {%- for name in agate_table.column_names %}
            {{ name }} {{ spark_type(model.config.column_types.get(name) or adapter.convert_type(agate_table, loop.index0)) }} comment {{ sql_text(model.columns.get(name, {}).get("description"), 1024) }}{{ "," if not loop.last }}
            {%- endfor %}
        ) using delta comment {{ sql_text(model.description, 2048) }}
    {% endset %}
    {% call statement("create_seed") -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {% if full_refresh or columns_there(old_relation).keys() | list != agate_table.column_names | list %}
        {{ return(create_csv_table(model, agate_table)) }}
    {% endif %}
    {{ return("") }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}
    {% set sql %}
        insert overwrite {{ this }} values
        {%- for row in agate_table.rows %}
        ({% for value in row %}{{ seed_literal(value) }}{{ ", " if not loop.last }}{% endfor %}){{ "," if not loop.last }}
        {%- endfor %}
    {% endset %}
    {% call statement("fill_seed") -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro seed_literal(value) -%}
{%- if value is none -%} null
{%- elif value is string -%} '{{ value | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- else -%} {{ value }}
{%- endif -%}
{%- endmacro %}
