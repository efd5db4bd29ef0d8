{#- A stretch is 1024 segments of a plane's timeline: a build computes again what follows from the stretch of its first change
    on, and reads a row for each earlier stretch, where it would read each segment. Results do not depend on the length,
    but a warehouse has to keep the one that it was built with. -#}
{% macro stretch_length() -%}
{{ return(var("stretch_length", 1024)) }}
{%- endmacro %}

{#- The first stretch of each plane that changes concern, numbered from 0. -#}
{% macro first_stretches(first_segments) -%}
select
    session_no,
    die,
    plane,
    (first_no - 1) div {{ stretch_length() }} as first_stretch_no
from {{ first_segments }}
{%- endmacro %}

{#- All segments with the numbers of their stretches; in an incremental build those from the planes' `first_stretches` on. -#}
{% macro segments_in_stretches(first_stretches) -%}
{%- set segments = ref("int_phase_keys__segments") -%}
{%- set plane = ["session_no", "die", "plane"] -%}
{%- set length = stretch_length() -%}
{%- set planes = first_stretches if is_incremental() else "segments" -%}
select
    {{ planes }}.{{ plane | join(",\n    " ~ planes ~ ".") }},
    segments.segment_no,
    segments.state_no,
    segments.start_tick,
    segments.end_tick,
    segments.next_start_tick,
    (segments.segment_no - 1) div {{ length }} as stretch_no
{% if is_incremental() -%}
from {{ first_stretches }}
{{ join_from_number(
    first_stretches, segments, plane, "segment_no",
    first=first_stretches ~ ".first_stretch_no * " ~ length ~ " + 1", name="segments"
) }}
{%- else -%}
from {{ segments }} as segments
{%- endif %}
{%- endmacro %}
