{#- True when two relations agree in every one of these columns; NULL is the same as NULL. -#}
{% macro all_same(left, right, columns) -%}
(
    {%- for column in columns %}
    {{ left }}.{{ column }} <=> {{ right }}.{{ column }}{{ " and" if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}
