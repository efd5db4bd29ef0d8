{#- Incremental models that remember.

    dbt-mysql's own incremental deletes rows and inserts them again, ignores an unknown strategy, and renames the table
    away before it builds a full refresh; each can lose what must never be lost. Here there is one strategy, `merge`:
    the table is made once from the model's contract, stays in place for its readers, and takes each build's rows in
    one statement, which happens wholly or not at all. A row whose unique key is new is inserted; one that is there is
    updated in all columns but the key. `merge_exclude_columns` are never written: the table gives them out.
    `--full-refresh` is a merge, too.

    The model's rows go through a temporary table: MariaDB 10.11 inserts wrong values (NULL for the right side of outer
    joins) when one statement joins, orders and has ON DUPLICATE KEY UPDATE. It has the contract's keys, so a model
    that gives a key twice fails before anything is written. -#}

{% materialization incremental, adapter="mysql" %}
    {{ return(merge_in_place()) }}
{% endmaterialization %}

{% materialization incremental, adapter="mariadb" %}
    {{ return(merge_in_place()) }}
{% endmaterialization %}

{% macro merge_in_place() %}
    {% do require_merge_config() %}
    {% set target_relation = this.incorporate(type="table") %}
    {% set existing_relation = load_cached_relation(this) %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is none %}
        {% call statement("create_table") -%}
            create table {{ target_relation }} {{ get_table_columns_and_constraints() }}
        {%- endcall %}
    {% else %}
        {% do require_contract_columns(existing_relation) %}
    {% endif %}
    {% do get_assert_columns_equivalent(sql) %}

    {% set written = model.columns.keys() | reject("in", config.get("merge_exclude_columns", [])) | list %}
    {% set incoming_relation = make_temp_relation(target_relation) %}
    {% call statement("drop_left_over") -%}
        drop temporary table if exists {{ incoming_relation }}
    {%- endcall %}
    {% call statement("create_incoming") -%}
        create temporary table {{ incoming_relation }} {{ get_table_columns_and_constraints() }}
    {%- endcall %}
    {% call statement("fill_incoming") -%}
        insert into {{ incoming_relation }} ({{ written | join(", ") }})
        select {{ written | join(", ") }} from (
        {{ sql }}
        ) as incoming
    {%- endcall %}

    {% call statement("main") -%}
        {{ merge_sql(target_relation, incoming_relation, written, config.get("unique_key")) }}
    {%- endcall %}
    {% call statement("drop_incoming") -%}
        drop temporary table {{ incoming_relation }}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({"relations": [target_relation]}) }}
{% endmacro %}

{% macro merge_sql(target_relation, incoming_relation, columns, unique_key) %}
insert into {{ target_relation }} ({{ columns | join(", ") }})
select
    {%- for column in columns %}
    incoming.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ incoming_relation }} as incoming
-- numbers are given out in the order of the key, so that both servers give the same ones
order by {% for column in unique_key %}incoming.{{ column }}{{ ", " if not loop.last }}{% endfor %}
on duplicate key update
    {%- for column in columns if column not in unique_key %}
    {{ column }} = incoming.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{% endmacro %}

{% macro require_merge_config() %}
    {% set place = "Model `" ~ model.name ~ "`: " %}
    {% set strategy = config.get("incremental_strategy") or "merge" %}
    {% set unique_key = config.get("unique_key") %}
    {% if strategy != "merge" %}
        {{ exceptions.raise_compiler_error(
            place ~ "incremental_strategy is `" ~ strategy ~ "`, expected `merge`, the only one here"
        ) }}
    {% elif unique_key is string or not unique_key %}
        {{ exceptions.raise_compiler_error(place ~ "unique_key is `" ~ unique_key ~ "`, expected a list of columns") }}
    {% elif not config.get("contract").enforced %}
        {{ exceptions.raise_compiler_error(place ~ "an incremental model is made from its contract: enforce one") }}
    {% endif %}
{% endmacro %}

{% macro require_contract_columns(relation) %}
    {% set there = adapter.get_columns_in_relation(relation) | map(attribute="name") | list %}
    {% set declared = model.columns.keys() | list %}
    {% if relation.is_view or there != declared %}
        {{ exceptions.raise_compiler_error(
            relation ~ " has other columns than the contract of `" ~ model.name ~ "`: it has " ~ there | join(", ")
            ~ "; expected " ~ declared | join(", ")
            ~ ". It remembers, so it is not rebuilt: change it with `alter table`, then build again."
        ) }}
    {% endif %}
{% endmacro %}
