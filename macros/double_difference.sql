{#- The difference of two DOUBLEs, NULL where no DOUBLE can hold it: both servers end the statement there (error 1690), and
    one odd measure would keep the mart as it was for every run. Halves never overflow, and halving is exact. -#}
{% macro double_difference(minuend, subtrahend) -%}
case
    when abs({{ minuend }} / 2 - {{ subtrahend }} / 2) <= 8.988465674311579e307
        then {{ minuend }} - {{ subtrahend }}
end
{%- endmacro %}
