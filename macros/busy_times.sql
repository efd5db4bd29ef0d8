{#- For how long some segment runs in each stretch of a plane's timeline, from its first start to the next stretch's.

    Every start and every end in one order: a running count above 0 is a time in which some segment runs. Linear, where
    a running maximum of the ends is not on MariaDB. `segments` begin with the stretch `first_stretch_no`. `kept` has,
    for each plane, when that stretch starts and when the last of the earlier segments ends. -#}
{% macro busy_times(segments, length, kept=none) -%}
    {{ return(adapter.dispatch("busy_times", "afterstate")(segments, length, kept)) }}
{%- endmacro %}

{% macro default__busy_times(segments, length, kept=none) -%}
{%- set edges = [(segments, "start_tick", 1, 1), (segments, "end_tick", 0, -1)] -%}
{%- if kept -%}
    {%- set edges = edges + [(kept, "first_tick", 0, 1), (kept, "runs_until_tick", 0, -1)] -%}
{%- endif -%}
select
    session_no,
    die,
    plane,
    first_stretch_no + floor((segment_count - 1) / {{ length }}) as stretch_no,
    sum(next_tick - tick) as busy_ticks
from (
    select
        session_no,
        die,
        plane,
        first_stretch_no,
        tick,
        sum(is_segment) over edges_so_far as segment_count,
        sum(started) over edges_so_far as running_count,
        lead(tick) over (partition by session_no, die, plane order by tick asc, started desc) as next_tick
    from (
        {% for rows, tick, is_segment, started in edges -%}
        select
            session_no,
            die,
            plane,
            first_stretch_no,
            {{ tick }} as tick,
            {{ is_segment }} as is_segment,
            {{ started }} as started
        from {{ rows }}
        {{- " where runs_until_tick > first_tick" if rows == kept }}
        {{ "union all" if not loop.last }}
        {% endfor -%}
    ) as edges
    window edges_so_far as (
        partition by session_no, die, plane
        order by tick asc, started desc
        rows unbounded preceding
    )
) as counted_edges
where
    running_count > 0
    and next_tick > tick
group by session_no, die, plane, first_stretch_no + floor((segment_count - 1) / {{ length }})
{%- endmacro %}

{#- Spark gives a window's partition to one task: a window sees a block of 1024 stretches, and what it misses of a plane is when the
    last of the earlier segments ends. From a segment's start until the next one's, some segment runs until the last of
    those that have started ends; a running maximum is linear on Spark. -#}
{% macro spark__busy_times(segments, length, kept=none) -%}
{%- set plane = ["session_no", "die", "plane"] -%}
{%- set in_blocks -%}
(
    select
        *,
        shiftright(stretch_no, {{ var("stretch_block_bits", 10) }}) as block_no
    from {{ segments }}
)
{%- endset -%}
select
    timeline.{{ (plane + ["stretch_no"]) | join(",\n    timeline.") }},
    sum(greatest(
        least(
            -- both pass over NULL
            greatest(timeline.runs_until_tick, blocks.runs_until_tick{{ ", kept.runs_until_tick" if kept }}),
            timeline.next_start_tick
        ) - timeline.start_tick,
        0
    )) as busy_ticks
from (
    select
        {{ (plane + ["block_no", "stretch_no", "start_tick", "next_start_tick"]) | join(",\n        ") }},
        max(end_tick) over (
            partition by {{ plane | join(", ") }}, block_no
            order by segment_no
            rows unbounded preceding
        ) as runs_until_tick
    from {{ in_blocks | indent }} as segments
) as timeline
inner join (
    select
        {{ plane | join(",\n        ") }},
        block_no,
        max(max(end_tick)) over (
            partition by {{ plane | join(", ") }}
            order by block_no
            rows between unbounded preceding and 1 preceding
        ) as runs_until_tick
    from {{ in_blocks | indent }} as segments
    group by {{ plane | join(", ") }}, block_no
) as blocks on {{ same_key("timeline", "blocks", plane + ["block_no"]) }}
{{- "\nleft join " ~ kept ~ " as kept on " ~ same_key("timeline", "kept", plane) if kept }}
group by timeline.{{ (plane + ["stretch_no"]) | join(", timeline.") }}
{%- endmacro %}
