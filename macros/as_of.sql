{#- As-of join: for each proposal the number of the last segment of its plane that starts at its tick or before, 0 for none.

    Segments and proposals of a plane in one order; the running count of segments is the number of the last one. Linear
    on both servers, where a look-up for each proposal or a range join is not (docs/engine-facts.md). An incremental build
    begins with the segments that hold at the first of the `times` of its proposals (session_no, first_tick, last_tick):
    `first_segments`, by `first_segments_from`. -#}
{% macro as_of(proposals, segments, times, first_segments) -%}
    {{ return(adapter.dispatch("as_of", "afterstate")(proposals, segments, times, first_segments)) }}
{%- endmacro %}

{% macro default__as_of(proposals, segments, times=none, first_segments=none) -%}
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
        select
            segments.session_no,
            segments.die,
            segments.plane,
            segments.start_tick as tick,
            {% if is_incremental() -%}
            case when segments.start_tick < {{ times }}.first_tick then segments.segment_no else 1 end as segment_count,
            {%- else -%}
            1 as segment_count,
            {%- endif %}
            null as load_id,
            null as row_no
        {%- if is_incremental() %}
        from {{ times }}
        {{ inner_join_in_order() }} {{ first_segments }} on {{ same_key(times, first_segments, ["session_no"]) }}
        {{ join_from_number(
            first_segments, segments, ["session_no", "die", "plane"], "segment_no",
            first=first_segments ~ ".first_no", name="segments"
        ) | indent(8) }}
        where segments.start_tick <= {{ times }}.last_tick
        {%- else %}
        from {{ segments }} as segments
        where {{ in_part("segments.die + segments.plane") }}
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

{#- Spark gives a window's partition to one task, and a plane may have 10^9 segments: a window counts within a bucket of
    time (`time_bucket`), and goes on from the last segment that started in an earlier one. That is found among one
    segment for each bucket, so that no task sees a whole plane, and a plane with nine tenths of all rows is many tasks'
    work. Beside the other ways: docs/scale.md. -#}
{% macro spark__as_of(proposals, segments, times=none, first_segments=none) -%}
select ranked.*
from (
    select
        session_no,
        die,
        plane,
        load_id,
        row_no,
        coalesce(
            max(segment_no) over (
                partition by session_no, die, plane, time_bucket
                -- carried in, then by time, a segment before the proposals of its tick
                order by tick asc nulls first, segment_no asc nulls last
                rows unbounded preceding
            ),
            0
        ) as segment_no
    from (
        select
            session_no,
            die,
            plane,
            time_bucket,
            null as tick,
            last_segment_no as segment_no,
            null as load_id,
            null as row_no
        from (
            select
                *,
                max(segment_no) over (
                    partition by session_no, die, plane
                    order by time_bucket
                    range between unbounded preceding and 1 preceding
                ) as last_segment_no
            from (
                select
                    session_no,
                    die,
                    plane,
                    {{ time_bucket("start_tick") }} as time_bucket,
                    segment_no
                from {{ segments }}
                where coalesce({{ time_bucket("next_start_tick") }} > {{ time_bucket("start_tick") }}, true)
                union all
                select distinct
                    session_no,
                    key_die as die,
                    key_plane as plane,
                    {{ time_bucket("propose_tick") }} as time_bucket,
                    cast(null as int) as segment_no
                from {{ proposals }}
            ) as last_segments
        ) as carried
        where
            segment_no is null
            and last_segment_no is not null
        union all
        select
            session_no,
            die,
            plane,
            {{ time_bucket("start_tick") }} as time_bucket,
            start_tick as tick,
            segment_no,
            null as load_id,
            null as row_no
        from {{ segments }}
        {%- if is_incremental() %}
        where
            (session_no, die, plane, {{ time_bucket("start_tick") }}) in (
                select
                    session_no,
                    key_die,
                    key_plane,
                    {{ time_bucket("propose_tick") }}
                from {{ proposals }}
            )
        {%- endif %}
        union all
        select
            session_no,
            key_die as die,
            key_plane as plane,
            {{ time_bucket("propose_tick") }} as time_bucket,
            propose_tick as tick,
            cast(null as int) as segment_no,
            load_id,
            row_no
        from {{ proposals }}
    ) as events
) as ranked
where load_id is not null
{%- endmacro %}
