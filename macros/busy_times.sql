{#- For how long some segment runs in each stretch of a plane's timeline, from its first start to the next stretch's.

    From a segment's start until the next one's, some segment runs until the last of those that have started ends.
    `segments` are those of segments_in_stretches. `kept` has, by plane, when the last segment of earlier stretches ends,
    as `runs_until_tick`. -#}
{% macro busy_times(segments, kept=none) -%}
    {{ return(adapter.dispatch("busy_times", "afterstate")(segments, kept)) }}
{%- endmacro %}

{#- MySQL's window goes on from the greatest end so far. -#}
{% macro default__busy_times(segments, kept=none) -%}
    {{ return(busy_times_by_window(segments, kept, window=[])) }}
{%- endmacro %}

{#- Spark gives a window's partition to one task: a window sees a stretch. -#}
{% macro spark__busy_times(segments, kept=none) -%}
    {{ return(busy_times_by_window(segments, kept, window=["stretch_no"])) }}
{%- endmacro %}

{#- MariaDB looks for the greatest end from its window's first row on again, for each row: a window sees 32 rows, segments
    or blocks of 32 segments. -#}
{% macro mariadb__busy_times(segments, kept=none) -%}
    {{ return(busy_times_by_window(segments, kept, window=["stretch_no", "block_no"])) }}
{%- endmacro %}

{#- `window` are the columns that cut a plane's timeline into windows, coarse to fine. What a window has to know of those
    before it is when the last of their segments ends. -#}
{% macro busy_times_by_window(segments, kept, window) -%}
{%- set plane = ["session_no", "die", "plane"] -%}
{%- set ends = ["timeline.runs_until_tick"] -%}
{%- set joined -%}
{%- for column in window %}
{%- set within = plane + window[:loop.index0] %}
left join (
    select
        {{ (within + [column]) | join(",\n        ") }},
        max(max(end_tick)) over (
            partition by {{ within | join(", ") }}
            order by {{ column }}
            rows between unbounded preceding and 1 preceding
        ) as runs_until_tick
    from {{ in_blocks(segments) if column == "block_no" else segments }}
    group by {{ (within + [column]) | join(", ") }}
) as by_{{ column }} on {{ same_key("timeline", "by_" ~ column, within + [column]) }}
{%- do ends.append("coalesce(by_" ~ column ~ ".runs_until_tick, timeline.runs_until_tick)") %}
{%- endfor %}
{%- if kept %}
left join {{ kept }} as kept on {{ same_key("timeline", "kept", plane) }}
{%- do ends.append("coalesce(kept.runs_until_tick, timeline.runs_until_tick)") %}
{%- endif %}
{%- endset -%}
select
    timeline.{{ (plane + ["stretch_no"]) | join(",\n    timeline.") }},
    sum(greatest(
        least({{ "greatest(" ~ ends | join(", ") ~ ")" if ends[1:] else ends[0] }}, timeline.next_start_tick)
        - timeline.start_tick,
        0
    )) as busy_ticks
from (
    select
        {{ (plane + ["stretch_no"]) | join(",\n        ") }},
        {{ "block_no," if "block_no" in window }}
        start_tick,
        -- the last one has none, and runs to its end
        coalesce(next_start_tick, 9223372036854775807) as next_start_tick,
        max(end_tick) over (
            partition by {{ (plane + window) | join(", ") }}
            order by segment_no
            rows unbounded preceding
        ) as runs_until_tick
    from {{ in_blocks(segments) if "block_no" in window else segments }}
) as timeline
{{- joined }}
group by timeline.{{ (plane + ["stretch_no"]) | join(", timeline.") }}
{%- endmacro %}

{% macro in_blocks(segments) -%}
(
    select
        *,
        (segment_no - 1) div 32 as block_no
    from {{ segments }}
) as in_blocks
{%- endmacro %}
