{#- Put a finished table in a target's place. One RENAME moves the old one out and the new one in, so that readers always
    find a whole table; dbt-mysql 1.7 drops the old one first, and they find none. What a killed build left behind is
    cleared away before. -#}
{% macro swap_in(finished_relation, target_relation, existing_relation) %}
    {% if existing_relation is none %}
        {% do run_query("rename table " ~ finished_relation ~ " to " ~ target_relation) %}
    {% elif existing_relation.is_view %}
        {% do adapter.drop_relation(existing_relation) %}
        {% do run_query("rename table " ~ finished_relation ~ " to " ~ target_relation) %}
    {% else %}
        {% set old_relation = beside(target_relation, "old") %}
        {% do run_query("drop table if exists " ~ old_relation) %}
        {% do run_query(
            "rename table " ~ target_relation ~ " to " ~ old_relation ~ ", "
            ~ finished_relation ~ " to " ~ target_relation
        ) %}
        {% do run_query("drop table " ~ old_relation) %}
    {% endif %}
{% endmacro %}

{#- The name of a table that stands beside a target for the time of a build; at most 64 characters. -#}
{% macro beside(relation, what) %}
    {{ return(relation.incorporate(path={"identifier": relation.identifier[:50] ~ "__dbt_" ~ what})) }}
{% endmacro %}
