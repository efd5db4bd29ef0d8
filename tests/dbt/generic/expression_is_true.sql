{#- Fails for each row for which an expression is not true; NULL is not true. -#}
{% test expression_is_true(model, expression) %}

with broken_rows as (

    select *
    from {{ model }}
    where ({{ expression }}) is not true

)

select * from broken_rows

{% endtest %}
