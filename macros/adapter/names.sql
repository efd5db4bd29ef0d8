{#- dbt-mysql 1.7 asks for a table's columns without quoting its name, which fails for a schema with a blank or a capital
    that the server minds. -#}
{% macro mysql__get_columns_in_relation(relation) -%}
    {% call statement("get_columns_in_relation", fetch_result=True) -%}
        show columns from {{ relation }}
    {%- endcall %}
    {{ return(sql_convert_columns_in_relation(load_result("get_columns_in_relation").table)) }}
{% endmacro %}

{% macro mariadb__get_columns_in_relation(relation) -%}
    {{ return(mysql__get_columns_in_relation(relation)) }}
{% endmacro %}
