{#- The segments of each plane in the order of their timeline, numbered, each with its neighbours.

    `segments` has the columns `stated` and `run_order`; in an incremental build also `segment_no` and what `previous` of the
    one before names, which are NULL but for the last segment before the change: what follows counts on from it. -#}
{% macro numbered_timeline(segments, stated, plane, previous) -%}
    {{ return(adapter.dispatch("numbered_timeline", "afterstate")(segments, stated, plane, previous)) }}
{%- endmacro %}

{#- One window over each plane: both servers sort it once. -#}
{% macro default__numbered_timeline(segments, stated, plane, previous) -%}
select
    {{ stated | join(",\n    ") }},
    row_number() over timeline
    {{- " + coalesce(first_value(segment_no) over timeline - 1, 0)" if is_incremental() }} as segment_no,
    {% for column in previous -%}
    coalesce(lag({{ column }}) over timeline{{ ", previous_" ~ column if is_incremental() }})
        as previous_{{ column }},
    {% endfor -%}
    lead(start_tick) over timeline as next_start_tick
from {{ segments }}
window timeline as (
    partition by {{ plane | join(", ") }}
    order by start_tick, run_order, row_no
)
{%- endmacro %}

{#- Spark gives a window's partition to one task, and a plane may have 10^9 segments: a window sees a bucket of time
    (`time_bucket`). One row for each bucket tells the next and the former one what they miss: how many segments came
    before, the last of them, and when the next one starts. -#}
{% macro spark__numbered_timeline(segments, stated, plane, previous) -%}
select
    timeline.{{ stated | join(",\n    timeline.") }},
    buckets.earlier_count + timeline.number_in_bucket as segment_no,
    {% for column in previous -%}
    coalesce(
        timeline.previous_{{ column }}, buckets.previous.{{ column }}
        {{- ", timeline.kept_" ~ column if is_incremental() }}
    ) as previous_{{ column }},
    {% endfor -%}
    coalesce(timeline.next_start_tick, buckets.next_start_tick) as next_start_tick
from (
    select
        {{ stated | join(",\n        ") }},
        {{ time_bucket("start_tick") }} as time_bucket,
        row_number() over in_bucket as number_in_bucket,
        {% for column in previous -%}
        lag({{ column }}) over in_bucket as previous_{{ column }},
        {{ "previous_" ~ column ~ " as kept_" ~ column ~ "," if is_incremental() }}
        {% endfor -%}
        lead(start_tick) over in_bucket as next_start_tick
    from {{ segments }}
    window in_bucket as (
        partition by {{ plane | join(", ") }}, {{ time_bucket("start_tick") }}
        order by start_tick, run_order, row_no
    )
) as timeline
inner join (
    select
        {{ plane | join(",\n        ") }},
        time_bucket,
        coalesce(sum(segment_count) over (
            partition by {{ plane | join(", ") }} order by time_bucket rows between unbounded preceding and 1 preceding
        ), 0)
        {{- " + coalesce(first_value(first_segment_no) over bucket_order - 1, 0)" if is_incremental() }} as earlier_count,
        lag(last_segment) over bucket_order as previous,
        lead(first_start_tick) over bucket_order as next_start_tick
    from (
        select
            {{ plane | join(",\n            ") }},
            {{ time_bucket("start_tick") }} as time_bucket,
            count(*) as segment_count,
            min(start_tick) as first_start_tick,
            {{ "min(segment_no) as first_segment_no," if is_incremental() }}
            max_by(struct({{ previous | join(", ") }}), struct(start_tick, run_order, row_no)) as last_segment
        from {{ segments }}
        group by {{ plane | join(", ") }}, {{ time_bucket("start_tick") }}
    ) as buckets
    window bucket_order as (partition by {{ plane | join(", ") }} order by time_bucket)
) as buckets on {{ same_key("timeline", "buckets", plane + ["time_bucket"]) }}
{%- endmacro %}
