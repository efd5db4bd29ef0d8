{#- The tick of a time in µs: 0.01 µs, half-way to the even one, as a BIGINT (design section 5). Spelled out, since the
    servers' ROUND goes half-way up or to even as the machine's C library does. Everything here is exact in doubles. -#}
{% macro tick(time_us) -%}
{%- set ticks -%} {{ time_us }} / 1e-2 {%- endset -%}
{%- set rounded -%}
case
    when {{ ticks }} - floor({{ ticks }}) < 5e-1 then floor({{ ticks }})
    when {{ ticks }} - floor({{ ticks }}) > 5e-1 then floor({{ ticks }}) + 1
    else floor({{ ticks }}) + abs(mod(floor({{ ticks }}), 2))
end
{%- endset -%}
{{ as_bigint(rounded) }}
{%- endmacro %}
