{#- The hint that looks a landing table's rows up by its key's index. On tables without statistics yet, MariaDB may read
    a whole load for each row instead. An engine without hints, or with better plans, says nothing. -#}
{% macro key_index(landing) -%}
{{ return(adapter.dispatch("key_index", "afterstate")(landing)) }}
{%- endmacro %}

{% macro default__key_index(landing) -%}
force index ({{ landing.identifier[layer_prefix("landing") | length:] }}_key)
{%- endmacro %}
