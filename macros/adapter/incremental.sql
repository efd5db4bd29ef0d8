{#- Incremental models that remember.

    dbt-mysql's own incremental deletes rows and inserts them again, ignores an unknown strategy and `on_schema_change`,
    doubles rows whose unique key holds a NULL, and renames the table away before it builds a full refresh; each can lose
    what must never be lost. Here there are two strategies: `merge`, for tables that remember, and `replace` (in
    replace.sql), for tables that are derived. With `merge`, the table is made once from the model's contract, stays in
    place for its readers, and takes each build's rows in one statement, which happens as a whole or not at all.
    A row whose unique key is new is inserted; one that is there is updated in all columns but the key.
    `merge_exclude_columns` are never written: the table gives them out. `frozen_by` names columns that are written once
    (frozen.sql). A full refresh, where the model allows one, is built beside and swapped in.

    The model's rows go through a temporary table: MariaDB 10.11 inserts wrong values (NULL for the right side of outer
    joins) when one statement joins, orders and has ON DUPLICATE KEY UPDATE. It has the contract's keys, so a model
    that gives a key twice fails before anything is written. -#}

{% materialization incremental, adapter="mysql" %}
    {{ return(incremental_in_place()) }}
{% endmaterialization %}

{% materialization incremental, adapter="mariadb" %}
    {{ return(incremental_in_place()) }}
{% endmaterialization %}

{% materialization incremental, adapter="spark" %}
    {{ return(incremental_in_place()) }}
{% endmaterialization %}

{% macro incremental_in_place() %}
    {% do require_contract() %}
    {% set strategy = incremental_strategy() %}
    {% set target_relation = this.incorporate(type="table") %}
    {% set existing_relation = load_cached_relation(this) %}
    {% if has_nothing_new(existing_relation) %}
        {{ return(leave_in_place(target_relation)) }}
    {% endif %}

    {% do begin_build() %}
    {% if config.get("built_from") %}
        {% do require_what_lies_between() %}
    {% endif %}
    {{ begin_with(pre_hooks) }}
    {% if pre_hooks %}
        {% do forget_columns(target_relation) %}
    {% endif %}
    {% if existing_relation is none or should_full_refresh() or must_rebuild(existing_relation) %}
        {% do assert_contract(sql) %}
        {% do build_beside(target_relation, existing_relation) %}
        {% do guard_frozen(target_relation) %}
    {% else %}
        {% do apply_schema_change(existing_relation) %}
        {% do assert_contract(sql) %}
        {% if strategy == "replace" %}
            {% do replace_in_place(target_relation) %}
        {% else %}
            {% do merge(target_relation) %}
            {% do guard_frozen(target_relation) %}
        {% endif %}
    {% endif %}
    {{ end_with(post_hooks) }}

    {{ return({"relations": [target_relation]}) }}
{% endmacro %}

{% macro merge(target_relation) %}
    {% do adapter.dispatch("merge", "afterstate")(target_relation) %}
{% endmacro %}

{% macro default__merge(target_relation) %}
    {% set incoming_relation = fill_incoming(target_relation, config.get("unique_key")) %}
    {% call statement("main") -%}
        {{ merge_sql(target_relation, incoming_relation, written_columns(), config.get("unique_key")) }}
    {%- endcall %}
    {% do finish_in_place(target_relation, incoming_relation) %}
{% endmacro %}

{% macro fill_incoming(target_relation, unique_key=none) %}
    {% set incoming_relation = beside(target_relation, "incoming") %}
    {% call statement("drop_left_over") -%}
        drop temporary table if exists {{ incoming_relation }}
    {%- endcall %}
    {% call statement("create_incoming") -%}
        {{ create_contract_table(incoming_relation, temporary=true) }}
    {%- endcall %}
    {% call statement("fill_incoming") -%}
        {{ fill_contract_table(incoming_relation, sql, written_columns(), unique_key) }}
    {%- endcall %}
    {{ return(incoming_relation) }}
{% endmacro %}

{% macro finish_in_place(target_relation, incoming_relation) %}
    {% do adapter.commit() %}
    {% call statement("drop_incoming") -%}
        drop temporary table {{ incoming_relation }}
    {%- endcall %}
    {% do refresh_comments(target_relation) %}
{% endmacro %}

{% macro merge_sql(target_relation, incoming_relation, columns, unique_key) %}
insert into {{ target_relation }} ({{ columns | join(", ") }})
select
    {%- for column in columns %}
    incoming.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ incoming_relation }} as incoming
order by {% for column in unique_key %}incoming.{{ column }}{{ ", " if not loop.last }}{% endfor %}
on duplicate key update
    {{ merge_assignments(target_relation, columns | reject("in", unique_key) | list or unique_key[:1]) | join(",\n    ") }}
{% endmacro %}

{#- The model's strategy; one that is unknown, or lacks what it needs, is refused before anything is done. -#}
{% macro incremental_strategy() %}
    {% set strategy = config.get("incremental_strategy") or "merge" %}
    {% if strategy == "merge" %}
        {% do require_merge_config() %}
    {% elif strategy == "replace" %}
        {% do require_replace_config() %}
    {% else %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: incremental_strategy is `" ~ strategy ~ "`, expected `merge` or `replace`"
        ) }}
    {% endif %}
    {{ return(strategy) }}
{% endmacro %}

{% macro require_merge_config() %}
    {% set place = "Model `" ~ model.name ~ "`: " %}
    {% set unique_key = config.get("unique_key") %}
    {% if unique_key is string or not unique_key %}
        {{ exceptions.raise_compiler_error(place ~ "unique_key is `" ~ unique_key ~ "`, expected a list of columns") }}
    {% endif %}
    {% for name in unique_key %}
        {% set constraints = model.columns.get(name, {}).get("constraints", []) | map(attribute="type") | list %}
        {% if "not_null" not in constraints and "primary_key" not in constraints %}
            {{ exceptions.raise_compiler_error(
                place ~ "`" ~ name ~ "` is part of unique_key, so its contract must say not_null: to the server, two "
                ~ "NULLs are two keys, and every build would add the row again"
            ) }}
        {% endif %}
    {% endfor %}
    {% do require_frozen_by_config() %}
{% endmacro %}

{#- Do what `on_schema_change` says when the contract has got other columns than the table. -#}
{% macro apply_schema_change(relation) %}
    {% set there = [] if relation.is_view else columns_there(relation).keys() | list %}
    {% set declared = model.columns.keys() | list %}
    {% set added = declared | reject("in", there) | list %}
    {% set gone = there | reject("in", declared) | list %}
    {% if added and not gone and not relation.is_view and config.get("on_schema_change") == "append_new_columns" %}
        {% for name in added %}
            {% do run_query("alter table " ~ relation ~ " add column " ~ contract_column(model.columns[name])) %}
        {% endfor %}
        {% do forget_columns(relation) %}
    {% elif added or gone %}
        {{ exceptions.raise_compiler_error(
            relation ~ " has other columns than the contract of `" ~ model.name ~ "`; only in the contract: "
            ~ (added | join(", ") or "none") ~ "; only in the table: " ~ (gone | join(", ") or "none")
            ~ ". Nothing was changed. Set on_schema_change to append_new_columns to add columns, or change the table "
            ~ "with `alter table`, then build again."
        ) }}
    {% endif %}
{% endmacro %}
