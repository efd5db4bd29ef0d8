{#- dbt-mysql 1.7 asks the session's clock, whatever its time zone, and dbt takes the answer for UTC: freshness would be
    off by the server's distance from it. Every time in the warehouse is UTC. -#}

{% macro mysql__current_timestamp() -%}
utc_timestamp(6)
{%- endmacro %}

{% macro mariadb__current_timestamp() -%}
utc_timestamp(6)
{%- endmacro %}
