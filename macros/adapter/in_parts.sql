{#- A table that is built as a whole, filled by several connections at once: a server has one core work for each. A model
    says by `in_part` which rows are whose; a session that has not set the variables selects them all, as an incremental
    build does. Parts begin at slightly different moments: what lands in between may be in one of them, and is taken in by
    the next build, as whatever lands in the middle of a build. -#}

{#- Whether a row is of the part that this connection fills. Rows of one window must have the same `number`. It
    has to come from the row itself, not from counting rows: parts may see different ones. -#}
{% macro in_part(number) -%}
    {{ return(adapter.dispatch("in_part", "afterstate")(number)) }}
{%- endmacro %}

{% macro default__in_part(number) -%}
(@afterstate_part is null or mod(abs(coalesce({{ number }}, 0)), @afterstate_parts) = @afterstate_part)
{%- endmacro %}

{#- Spark cuts each statement into tasks by itself. -#}
{% macro spark__in_part(number) -%}
true
{%- endmacro %}

{#- Fill a table that nobody reads yet, side by side where the model has parts and `dbt` is Afterstate's. -#}
{% macro fill_new_table(relation) %}
    {% set insert = fill_contract_table(relation, sql, written_columns(), config.get("unique_key")) %}
    {% if "@afterstate_part" in sql and adapter.fill_in_parts is defined %}
        {% set prepare = [adapter.dispatch("begin_build", "afterstate")() | trim, make_room_to_sort() | trim] %}
        {% set row_count = adapter.fill_in_parts(prepare, insert) %}
        {% call noop_statement("main", "SUCCESS " ~ row_count, "SUCCESS", row_count) -%}
            {{ insert }}
        {%- endcall %}
    {% else %}
        {% call statement("main") -%}
            {{ insert }}
        {%- endcall %}
        {% do adapter.commit() %}
    {% endif %}
{% endmacro %}
