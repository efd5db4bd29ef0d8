{#- The collation under which only equal texts are equal: binary, and not padding trailing blanks. Tables name it, since a
    database that is not ours may have any other. `afterstate/warehouse/engines.py` names the same ones. -#}
{% macro exact_collation() -%}
    {{ return(adapter.dispatch("exact_collation", "afterstate")()) }}
{%- endmacro %}

{% macro default__exact_collation() -%}
    {{ return("utf8mb4_0900_bin") }}
{%- endmacro %}

{% macro mariadb__exact_collation() -%}
    {{ return("utf8mb4_nopad_bin") }}
{%- endmacro %}
