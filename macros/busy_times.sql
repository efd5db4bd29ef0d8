{#- How long each plane is busy: the length of the union of its segments, overlaps counted once.

    Every start and every end in one order: while the running count is above 0, some segment runs. Linear, where a
    running maximum of the ends is not on MariaDB. -#}
{% macro busy_times(segments) -%}
select
    session_no,
    die,
    plane,
    min(tick) as first_start_tick,
    max(tick) as last_end_tick,
    {{ as_bigint("coalesce(sum(case when running_count > 0 then next_tick - tick end), 0)") }} as busy_ticks
from (
    select
        session_no,
        die,
        plane,
        tick,
        sum(started) over (
            partition by session_no, die, plane
            order by tick asc, started desc
            rows unbounded preceding
        ) as running_count,
        lead(tick) over (partition by session_no, die, plane order by tick asc, started desc) as next_tick
    from (
        select
            session_no,
            die,
            plane,
            start_tick as tick,
            1 as started
        from {{ segments }}
        union all
        select
            session_no,
            die,
            plane,
            end_tick as tick,
            -1 as started
        from {{ segments }}
    ) as edges
) as counted_edges
group by session_no, die, plane
{%- endmacro %}
