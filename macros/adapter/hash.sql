{#- dbt hashes with MD5, which MySQL 9.6 and newer no longer have; SHA-256 is on both servers. -#}

{% macro mysql__hash(field) -%}
sha2(cast({{ field }} as char), 256)
{%- endmacro %}

{% macro mariadb__hash(field) -%}
sha2(cast({{ field }} as char), 256)
{%- endmacro %}
