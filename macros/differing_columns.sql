{#- Joins two relations on a key and returns one row for each column in which they differ: the key, column_name, and both
    values as texts. NULL is the same as NULL. `conditions` are further conditions, and `details` further expressions to
    select, each by the column that is compared. -#}
{% macro differing_columns(left, right, key, columns, left_value, right_value, conditions={}, details={}) %}
{%- for column in columns %}
select
    {{ left }}.{{ key | join(",\n    " ~ left ~ ".") }},
    {%- for detail in details.get(column, []) %}
    {{ detail }},
    {%- endfor %}
    '{{ column }}' as column_name,
    cast({{ left }}.{{ column }} as char(255)) as {{ left_value }},
    cast({{ right }}.{{ column }} as char(255)) as {{ right_value }}
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
