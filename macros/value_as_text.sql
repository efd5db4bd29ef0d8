{#- A value as the text that people compare. -#}
{% macro value_as_text(value) -%}
    {{ return(adapter.dispatch("value_as_text", "afterstate")(value)) }}
{%- endmacro %}

{% macro default__value_as_text(value) -%}
cast({{ value }} as char(255))
{%- endmacro %}

{#- Spark spells a DOUBLE as Java does, 7.0 and 1.0E-5, where the servers say 7 and 0.00001; they go over to exponents
    below 1e-15 and from 1e15 on. -#}
{% macro spark__value_as_text(value) -%}
case
    when typeof({{ value }}) <> 'double' then cast({{ value }} as string)
    when {{ value }} = 0 then '0'
    when abs(cast({{ value }} as double)) >= 1e-15 and abs(cast({{ value }} as double)) < 1e15
        then regexp_replace(cast(try_cast(cast({{ value }} as string) as decimal(38, 22)) as string), '[.]?0+$', '')
    else lower(replace(cast({{ value }} as string), '.0E', 'E'))
end
{%- endmacro %}
