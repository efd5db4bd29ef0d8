{#- Seeds are emptied inside the transaction that fills them: dbt truncates, which commits at once, and readers would find
    a reference table empty. A seed whose columns have changed is still made anew, with `--full-refresh`. -#}

{% macro mysql__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {% set there = adapter.get_columns_in_relation(old_relation) | map(attribute="name") | list %}
    {% if there != agate_table.column_names | list %}
        {{ return(default__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
    {% endif %}
    {% set sql = "delete from " ~ old_relation %}
    {% call statement("empty_seed") -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro mariadb__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(mysql__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
{% endmacro %}
