{#- The condition that two relations agree in every column of a key that is never NULL. -#}
{% macro same_key(left, right, key) -%}
{%- for column in key -%}
{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ " and " if not loop.last }}
{%- endfor -%}
{%- endmacro %}
