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
    (`time_bucket`). The last segment of each bucket tells the others what they miss: how many segments came before, which
    was the last, and when the next one starts. The bucket is a column before it is a key, so that Spark knows it again:
    rows that the window has spread by bucket are not spread once more for the join. -#}
{% macro spark__numbered_timeline(segments, stated, plane, previous) -%}
{%- set in_buckets -%}
(
    select
        *,
        row_number() over in_bucket as number_in_bucket,
        {% for column in previous -%}
        lag({{ column }}) over in_bucket as {{ column }}_before,
        {% endfor -%}
        first_value(start_tick) over in_bucket as first_start_tick,
        {{ "first_value(segment_no) over in_bucket as first_segment_no," if is_incremental() }}
        lead(start_tick) over in_bucket as next_start_tick
    from (
        select
            *,
            {{ time_bucket("start_tick") }} as time_bucket
        from {{ segments }}
    ) as bucketed
    window in_bucket as (partition by {{ plane | join(", ") }}, time_bucket order by start_tick, run_order, row_no)
)
{%- endset -%}
select
    timeline.{{ stated | join(",\n    timeline.") }},
    buckets.earlier_count + timeline.number_in_bucket as segment_no,
    {% for column in previous -%}
    coalesce(
        timeline.{{ column }}_before,
        buckets.previous_{{ column }}
        {{- ",\n        timeline.previous_" ~ column if is_incremental() }}
    ) as previous_{{ column }},
    {% endfor -%}
    coalesce(timeline.next_start_tick, buckets.next_start_tick) as next_start_tick
from {{ in_buckets | indent }} as timeline
inner join (
    select
        {{ (plane + ["time_bucket"]) | join(",\n        ") }},
        coalesce(sum(number_in_bucket) over earlier, 0)
        {{- " + coalesce(first_value(first_segment_no) over by_bucket - 1, 0)" if is_incremental() }} as earlier_count,
        {% for column in previous -%}
        lag({{ column }}) over by_bucket as previous_{{ column }},
        {% endfor -%}
        lead(first_start_tick) over by_bucket as next_start_tick
    from {{ in_buckets | indent }} as last_segments
    where next_start_tick is null
    window
        by_bucket as (partition by {{ plane | join(", ") }} order by time_bucket),
        earlier as (
            partition by {{ plane | join(", ") }}
            order by time_bucket
            rows between unbounded preceding and 1 preceding
        )
) as buckets on {{ same_key("timeline", "buckets", plane + ["time_bucket"]) }}
{%- endmacro %}
