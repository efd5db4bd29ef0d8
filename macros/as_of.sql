{#- As-of join: for each proposal the number of the last segment of its plane that starts at its tick or before, 0 for none.

    Segments and proposals of a plane in one order; the running count of segments is the number of the last one. Linear
    on both servers, where a look-up for each proposal or a range join is not (docs/engine-facts.md). A build of few
    proposals counts all segments before the first of them at once. -#}
{% macro as_of(proposals, segments) -%}
{%- set times -%}
(
            select
                session_no,
                min(propose_tick) as first_tick,
                max(propose_tick) as last_tick
            from {{ proposals }}
            group by session_no
        ) as times
{%- endset -%}
select ranked.*
from (
    select
        session_no,
        die,
        plane,
        load_id,
        row_no,
        sum(segment_count) over (
            partition by session_no, die, plane
            order by tick asc, segment_count desc
            rows unbounded preceding
        ) as segment_no
    from (
        {%- if is_incremental() %}
        select
            segments.session_no,
            segments.die,
            segments.plane,
            min(times.first_tick) as tick,
            max(segments.segment_no) as segment_count,
            null as load_id,
            null as row_no
        from {{ segments }} as segments
        inner join {{ times }} on segments.session_no = times.session_no
        where segments.start_tick < times.first_tick
        group by segments.session_no, segments.die, segments.plane
        union all
        {%- endif %}
        select
            segments.session_no,
            segments.die,
            segments.plane,
            segments.start_tick as tick,
            1 as segment_count,
            null as load_id,
            null as row_no
        from {{ segments }} as segments
        {%- if is_incremental() %}
        inner join {{ times }} on segments.session_no = times.session_no
        where segments.start_tick between times.first_tick and times.last_tick
        {%- endif %}
        union all
        select
            session_no,
            key_die as die,
            key_plane as plane,
            propose_tick as tick,
            0 as segment_count,
            load_id,
            row_no
        from {{ proposals }}
    ) as events
) as ranked
where load_id is not null
{%- endmacro %}
