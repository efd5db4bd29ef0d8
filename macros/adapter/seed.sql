{#- Seeds are emptied inside the transaction that fills them: dbt truncates, which commits at once, and readers would find
    a reference table empty. A seed whose columns have changed is still rebuilt, with `--full-refresh`.

    A seed's first column is its primary key, where `column_types` says its type (dbt's own guess, TEXT, cannot be one):
    MySQL servers with `sql_require_primary_key`, as managed ones have it, take no table without, and dbt makes none.
    Descriptions are comments, which is what BI tools show. -#}

{% macro mysql__create_csv_table(model, agate_table) %}
    {% set sql %}
        create table {{ this }} {{ seed_ddl(model, seed_types(model, agate_table)) }}
    {% endset %}
    {% call statement("create_seed") -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro mariadb__create_csv_table(model, agate_table) %}
    {{ return(mysql__create_csv_table(model, agate_table)) }}
{% endmacro %}

{% macro mysql__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {% set there = columns_there(old_relation).keys() | list %}
    {% if there != agate_table.column_names | list %}
        {{ return(default__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
    {% endif %}
    {% do ensure_seed_key(old_relation, model, agate_table) %}
    {% do ensure_seed_comments(old_relation, model, agate_table) %}
    {% set sql = "delete from " ~ old_relation %}
    {% call statement("empty_seed") -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro mariadb__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(mysql__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
{% endmacro %}

{#- The DDL of a seed with these types of its columns, in their order; without them, all of its columns are in `column_types`. -#}
{% macro seed_ddl(model, types=none) %}
{%- set types = types or model.config.column_types -%}
(
    {%- for name, type in types.items() %}
    {{ seed_column(model, name, type) }}
    {{- "," if not loop.last }}
    {%- endfor %}
    {%- if seed_key(model, types) %},
    {{ seed_key(model, types) }}
    {%- endif %}
) character set utf8mb4 collate {{ exact_collation() }} comment {{ sql_text(model.description, 2048) }}
{%- endmacro %}

{#- The types of a seed's columns, in the order of its file: what its config says, or else dbt's own guess. -#}
{% macro seed_types(model, agate_table) %}
    {% set types = {} %}
    {% for name in agate_table.column_names %}
        {% do types.update({name: model.config.column_types.get(name) or adapter.convert_type(agate_table, loop.index0)}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

{#- A column with its description as a comment, as the tables of models have it. -#}
{% macro seed_column(model, name, type) -%}
{{ adapter.quote(name) }} {{ type }} comment {{ sql_text(model.columns.get(name, {}).get("description"), 1024) }}
{%- endmacro %}

{% macro seed_key(model, types) -%}
{%- set first = types.keys() | first -%}
{%- if first in model.config.column_types -%}
primary key ({{ adapter.quote(first) }})
{%- endif -%}
{%- endmacro %}

{#- Seeds of older warehouses have no key; it is added before the transaction begins, since DDL ends one. -#}
{% macro ensure_seed_key(relation, model, agate_table) %}
    {% set found = run_query(
        "select 1 from information_schema.table_constraints where constraint_type = 'PRIMARY KEY' and table_schema = '"
        ~ relation.schema ~ "' and table_name = '" ~ relation.identifier ~ "'"
    ) %}
    {% set key = seed_key(model, seed_types(model, agate_table)) %}
    {% if not found.rows and key %}
        {% do run_query("alter table " ~ relation ~ " add " ~ key) %}
    {% endif %}
{% endmacro %}

{#- Comments of a seed that is there follow its descriptions; DDL, so this comes before the transaction, too. -#}
{% macro ensure_seed_comments(relation, model, agate_table) %}
    {% set changed, types = [], seed_types(model, agate_table) %}
    {% for name, column in columns_there(relation).items() %}
        {% set described = model.columns.get(name, {}).get("description") %}
        {% if sql_text(column.comment, 1024) != sql_text(described, 1024) %}
            {% do changed.append("modify column " ~ seed_column(model, name, types[name])) %}
        {% endif %}
    {% endfor %}
    {% if changed %}
        {% do changed.append("comment " ~ sql_text(model.description, 2048)) %}
        {% do run_query("alter table " ~ relation ~ " " ~ changed | join(", ")) %}
    {% endif %}
{% endmacro %}
