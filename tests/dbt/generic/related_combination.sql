{#- Fails for each row whose combination of values another relation lacks: a foreign key of several columns. -#}
{% test related_combination(model, columns, to, to_columns=none) %}
{%- set to_columns = to_columns or columns -%}
{%- if columns is string or columns | length != to_columns | length -%}
    {{ exceptions.raise_compiler_error(
        "related_combination needs two lists of the same length, got `" ~ columns ~ "` and `" ~ to_columns ~ "`"
    ) }}
{%- endif %}

with orphans as (

    select {{ columns | join(", ") }}
    from {{ model }} as child
    where
        not exists (
            select 1
            from {{ to }} as parent
            where
                {% for column in columns -%}
                {{ "and " if not loop.first }}parent.{{ to_columns[loop.index0] }} = child.{{ column }}
                {% endfor %}
        )

)

select * from orphans

{% endtest %}
