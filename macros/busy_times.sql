{#- For how long some segment runs in each stretch of a plane's timeline, from its first start to the next stretch's.

    Every start and every end in one order: a running count above 0 is a time in which some segment runs. Linear, where
    a running maximum of the ends is not on MariaDB. `segments` begin with the stretch `first_stretch_no`. `kept` has,
    for each plane, when that stretch starts and when the last of the earlier segments ends. -#}
{% macro busy_times(segments, length, kept=none) -%}
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
