{#- Whether a gap follows a segment: the next one starts after its end, or there is none. -#}
{% macro has_gap(segments) -%}
coalesce({{ segments }}.next_start_tick > {{ segments }}.end_tick, true)
{%- endmacro %}
