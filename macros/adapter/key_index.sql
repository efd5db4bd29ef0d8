{#- The hint that looks a landing table's rows up by its key's index. On tables without statistics yet, MariaDB may read
    a whole load for each row instead. An engine without hints, or with better plans, says nothing. -#}
{% macro key_index(landing) -%}
{{ return(adapter.dispatch("key_index", "afterstate")(landing)) }}
{%- endmacro %}

{% macro default__key_index(landing) -%}
force index ({{ landing.identifier[layer_prefix("landing") | length:] }}_key)
{%- endmacro %}

{#- The same by the primary key. MariaDB reads a table that was just filled whole for each buffer of rows that it joins to
    it: 60,000 choices were not compared in ten minutes. -#}
{% macro primary_key_index() -%}
{{ return(adapter.dispatch("primary_key_index", "afterstate")()) }}
{%- endmacro %}

{% macro default__primary_key_index() -%}
force index (primary)
{%- endmacro %}

{#- Delta has no indexes. -#}
{% macro spark__key_index(landing) -%}
{%- endmacro %}

{% macro spark__primary_key_index() -%}
{%- endmacro %}
