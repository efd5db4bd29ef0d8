{#- Fails for each row of a relation that lists what should not be. -#}
{% test no_rows(model) %}

with unwanted_rows as (

    select * from {{ model }}

)

select * from unwanted_rows

{% endtest %}
