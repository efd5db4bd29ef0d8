{#- Incremental models that are derived: the strategy `replace`.

    What a build can change is replaced, all else stays untouched. The model says in SQL what the new rows are; the macro
    that its config names in `replaces` says which old rows they stand for, and up to which change of the inputs the
    model is then built (its mark). Deleting, inserting and marking are one transaction, so that readers see the old rows
    or the new ones, and a build that dies is simply done again.

    dbt-mysql's own `delete+insert` knows only rows of the same key, so that rows that are no more would stay. -#}
{% macro replace_in_place(target_relation) %}
    {% set replaced = context[config.get("replaces")](target_relation) %}
    {% set incoming_relation = fill_incoming(target_relation) %}
    {% for delete in replaced.deletes %}
        {% call statement("delete_" ~ loop.index) -%}
            {{ delete }}
        {%- endcall %}
    {% endfor %}
    {% call statement("main") -%}
        insert into {{ target_relation }} ({{ written_columns() | join(", ") }})
        select {{ written_columns() | join(", ") }} from {{ incoming_relation }}
    {%- endcall %}
    {% do write_build_mark(replaced.mark) %}
    {% do finish_in_place(target_relation, incoming_relation) %}
{% endmacro %}

{#- Build all of it beside. The mark is written after the swap: should the build die between the two, the next one takes
    in again what this one did. -#}
{% macro replace_all(target_relation, existing_relation) %}
    {% set replaced = context[config.get("replaces")](target_relation) %}
    {% do build_beside(target_relation, existing_relation) %}
    {% do write_build_mark(replaced.mark) %}
    {% do adapter.commit() %}
{% endmacro %}

{% macro write_build_mark(mark) %}
    {% call statement("mark") -%}
        insert into {{ build_marks_relation() }} (model, mark) values ('{{ model.name }}', {{ mark }})
        on duplicate key update mark = {{ mark }}
    {%- endcall %}
{% endmacro %}

{#- DDL ends a transaction, so the table is made before one begins. -#}
{% macro make_build_marks() %}
    {% do run_query(
        "create table if not exists " ~ build_marks_relation()
        ~ " (model varchar(64) primary key, mark bigint not null)"
        ~ " comment 'Up to which change of their inputs incremental models are built'"
    ) %}
{% endmacro %}

{% macro require_replace_config() %}
    {% if not config.get("replaces") or config.get("replaces") not in context %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: the strategy `replace` needs `replaces`, the name of the macro that says which "
            ~ "rows are replaced; it is `" ~ config.get("replaces") ~ "`"
        ) }}
    {% endif %}
{% endmacro %}
