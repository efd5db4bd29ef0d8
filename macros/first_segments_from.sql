{#- The number of each plane's first segment whose successor does not start before a tick of `changes`, as `first_no`: the one
    that holds then, or the plane's first one. `segments` are the timelines', as they were or as they are. -#}
{% macro first_segments_from(changes, tick, segments) -%}
{{ first_numbers(
    segments,
    keys=["session_no", "die", "plane"],
    number="segment_no",
    changes=changes,
    shared=["session_no"],
    condition="coalesce(next_start_tick >= " ~ tick ~ ", true)"
) }}
{%- endmacro %}
