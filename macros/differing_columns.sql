{#- Joins two relations on a key and returns one row for each column in which they differ: the key, column_name, and both
    values as texts. NULL is the same as NULL. `conditions` are further conditions, and `details` further expressions to
    select, each by the column that is compared. -#}
{% macro differing_columns(left, right, key, columns, left_value, right_value, conditions={}, details={}) %}
    {{- return(adapter.dispatch("differing_columns", "afterstate")(
        left, right, key, columns, left_value, right_value, conditions, details
    )) -}}
{% endmacro %}

{#- Spark plans each part of a union by itself, so that ten columns cost ten joins: here it joins once. -#}
{% macro spark__differing_columns(left, right, key, columns, left_value, right_value, conditions, details) %}
select
    {{ key | join(",\n    ") }},
    difference.*
from (
    select
        {{ left }}.{{ key | join(",\n        " ~ left ~ ".") }},
        explode(filter(array(
            {%- for column in columns %}
            named_struct(
                'differs', not {{ left }}.{{ column }} <=> {{ right }}.{{ column }}
                {{- " and " ~ conditions[column] if column in conditions }},
                {%- for detail in details.get(column, []) %}
                '{{ detail.split(" as ")[1] }}', {{ detail.split(" as ")[0] }},
                {%- endfor %}
                'column_name', '{{ column }}',
                '{{ left_value }}', {{ value_as_text(left ~ "." ~ column) | indent(16) }},
                '{{ right_value }}', {{ value_as_text(right ~ "." ~ column) | indent(16) }}
            ){{ "," if not loop.last }}
            {%- endfor %}
        ), compared -> compared.differs)) as difference
    from {{ left }}
    inner join {{ right }} on {{ same_key(left, right, key) }}
) as differences
{%- endmacro %}

{% macro default__differing_columns(left, right, key, columns, left_value, right_value, conditions, details) %}
{%- for column in columns %}
select
    {{ left }}.{{ key | join(",\n    " ~ left ~ ".") }},
    {%- for detail in details.get(column, []) %}
    {{ detail }},
    {%- endfor %}
    '{{ column }}' as column_name,
    {{ value_as_text(left ~ "." ~ column) }} as {{ left_value }},
    {{ value_as_text(right ~ "." ~ column) }} as {{ right_value }}
from {{ left }}
inner join {{ right }} on {{ same_key(left, right, key) }}
where
    not {{ left }}.{{ column }} <=> {{ right }}.{{ column }}
    {%- if column in conditions %}
    and {{ conditions[column] }}
    {%- endif %}
{{ "union all" if not loop.last }}
{%- endfor %}
{%- endmacro %}
