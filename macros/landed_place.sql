{#- Where a landed row stands among all of its kind, as one integer: of the rows of a key, the one with the greatest
    place holds (design section 3, rule 1). A load's rows are numbered below 2^31. -#}
{% macro landed_place(rows) -%}
{{ rows }}._load_id * 2147483648 + {{ rows }}._row_no
{%- endmacro %}

{#- Whether a landed row stands at a place. -#}
{% macro stands_at(rows, place) -%}
{{ rows }}._load_id = {{ place }} div 2147483648 and {{ rows }}._row_no = mod({{ place }}, 2147483648)
{%- endmacro %}
