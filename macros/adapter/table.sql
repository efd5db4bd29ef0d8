{#- Tables are built beside their place from the model's contract, and swapped in when they are whole. -#}

{% materialization table, adapter="mysql" %}
    {{ return(table_beside()) }}
{% endmaterialization %}

{% materialization table, adapter="mariadb" %}
    {{ return(table_beside()) }}
{% endmaterialization %}

{% materialization table, adapter="spark" %}
    {{ return(table_beside()) }}
{% endmaterialization %}

{% macro table_beside() %}
    {% do require_contract() %}
    {% set target_relation = this.incorporate(type="table") %}
    {% set existing_relation = load_cached_relation(this) %}
    {% if has_nothing_new(existing_relation) %}
        {{ return(leave_in_place(target_relation)) }}
    {% endif %}
    {% do begin_build() %}

    {{ begin_with(pre_hooks) }}
    {% do assert_contract(sql) %}
    {% do build_beside(target_relation, existing_relation) %}
    {{ end_with(post_hooks) }}

    {{ return({"relations": [target_relation]}) }}
{% endmacro %}

{% macro build_beside(target_relation, existing_relation) %}
    {% do adapter.dispatch("build_beside", "afterstate")(target_relation, existing_relation) %}
{% endmacro %}

{% macro default__build_beside(target_relation, existing_relation) %}
    {% set new_relation = beside(target_relation, "new") %}
    {% call statement("drop_left_over") -%}
        drop table if exists {{ new_relation }}
    {%- endcall %}
    {% call statement("create_new") -%}
        {{ create_contract_table(new_relation) }}
    {%- endcall %}
    {% do fill_new_table(new_relation) %}
    {% do swap_in(new_relation, target_relation, existing_relation) %}
    {% if config.get("replace_tail") %}
        {#- Until a server has counted keys by itself, some seconds later, it does not go from one list to the next -#}
        {% do run_query("analyze table " ~ target_relation) %}
    {% endif %}
{% endmacro %}
