{#- Fails for each combination of values that more than one row has. -#}
{% test unique_combination(model, columns) %}
{%- if columns is string or columns | length < 2 -%}
    {{ exceptions.raise_compiler_error(
        "unique_combination needs a list of two or more columns, got `" ~ columns ~ "`; for one column use `unique`"
    ) }}
{%- endif %}

with repeated_combinations as (

    select
        {{ columns | join(", ") }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1

)

select * from repeated_combinations

{% endtest %}
