{#- The join that takes its sides in the order in which they are written. On tables that were just filled a server knows of
    no rows: MySQL begins with what it takes for empty, and then matches by part of a key. An engine that counts the
    rows of what it joins as it runs has no need of it. -#}
{% macro inner_join_in_order() -%}
{{ return(adapter.dispatch("inner_join_in_order", "afterstate")()) }}
{%- endmacro %}

{#- Spark knows how many rows a table of Delta's has. -#}
{% macro spark__inner_join_in_order() -%}
inner join
{%- endmacro %}

{#- Both servers' own word for it: an inner join that the optimizer does not turn around. -#}
{% macro default__inner_join_in_order() -%}
straight_join
{%- endmacro %}
