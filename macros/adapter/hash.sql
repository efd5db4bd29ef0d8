{#- dbt hashes with MD5, which MySQL 9.6 and newer no longer have; SHA-256 is on both servers. (Snapshots then fail with
    "No database selected": MySQL looks for a function of one's own of that name.) -#}

{% macro mysql__hash(field) -%}
sha2(cast({{ field }} as char), 256)
{%- endmacro %}

{% macro mariadb__hash(field) -%}
sha2(cast({{ field }} as char), 256)
{%- endmacro %}

{% macro mysql__snapshot_hash_arguments(args) -%}
sha2(concat_ws('|'{% for arg in args %}, coalesce(cast({{ arg }} as char), ''){% endfor %}), 256)
{%- endmacro %}

{% macro mariadb__snapshot_hash_arguments(args) -%}
{{ mysql__snapshot_hash_arguments(args) }}
{%- endmacro %}
