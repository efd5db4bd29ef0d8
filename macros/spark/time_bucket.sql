{#- The bucket of time that a tick lies in: what a window on Spark sees at once, instead of a plane's whole timeline.

    2^28 ticks are 2.7 s of simulated time, some thousands of segments on a busy plane: small for a task that sorts them,
    and many beside the one row for each bucket that the rest of a plane is told by. A power of two of ticks depends on
    nothing but the row, so nothing has to be counted before, and a row is in the same bucket in every build.
    Results do not depend on the width; `--vars 'time_bucket_bits: 26'` sets another. -#}
{% macro time_bucket(tick) -%}
shiftright({{ tick }}, {{ var("time_bucket_bits", 28) }})
{%- endmacro %}
