{#- Where numbered lists change: the first row of each list that `changes` concern for which `condition` holds, as
    `first_no`.

    A list is the rows of a relation that agree in `keys`, which with `number` are its primary key. Rows are numbered from
    1; if the condition holds for one, it holds for all that follow, and always for the last one. `changes` has one row
    for the columns `shared`, some of the keys. To MariaDB, a WITH in a derived table does not see the statement's own:
    this is the body of a common table expression. -#}
{% macro first_numbers(relation, keys, number, changes, shared, condition) -%}
    {{ return(adapter.dispatch("first_numbers", "afterstate")(relation, keys, number, changes, shared, condition)) }}
{%- endmacro %}

{#- Found by bisection: some thirty look-ups by key, however long a list is. Both servers go from one list to the next to
    find its last number, and read nothing in between. -#}
{% macro default__first_numbers(relation, keys, number, changes, shared, condition) -%}
with recursive bisected as (
    select
        lists.{{ keys | join(",\n        lists.") }},
        1 as first_no,
        lists.last_no
    from {{ changes }} as changes
    inner join (
        select
            {{ keys | join(",\n            ") }},
            max({{ number }}) as last_no
        from {{ relation }}
        group by {{ keys | join(", ") }}
    ) as lists on {{ same_key("changes", "lists", shared) }}
    union all
    select
        bisected.{{ keys | join(",\n        bisected.") }},
        case when {{ condition }} then bisected.first_no else middle.{{ number }} + 1 end,
        case when {{ condition }} then middle.{{ number }} else bisected.last_no end
    from bisected
    {{ inner_join_in_order() }} {{ changes }} as changes on {{ same_key("bisected", "changes", shared) }}
    {{ inner_join_in_order() }} {{ relation }} as middle {{ primary_key_index() }}
        on
            {{ same_key("bisected", "middle", keys) }}
            and middle.{{ number }} = (bisected.first_no + bisected.last_no) div 2
    where bisected.first_no < bisected.last_no
)
select
    {{ keys | join(",\n    ") }},
    first_no
from bisected
where first_no = last_no
{%- endmacro %}

{#- A cluster reads what it needs of a table side by side, and has no key to look a row up by. -#}
{% macro spark__first_numbers(relation, keys, number, changes, shared, condition) -%}
select
    lists.{{ keys | join(",\n    lists.") }},
    min(lists.{{ number }}) as first_no
from {{ relation }} as lists
inner join {{ changes }} as changes on {{ same_key("lists", "changes", shared) }}
where {{ condition }}
group by lists.{{ keys | join(", lists.") }}
{%- endmacro %}

{#- Join the rows of numbered lists from the number `first` on. `starts` has one row for each list; `name` is what the rows
    are called, if not by the relation's own name. -#}
{% macro join_from_number(starts, relation, keys, number, first, name=none) -%}
    {{ return(adapter.dispatch("join_from_number", "afterstate")(starts, relation, keys, number, first, name)) }}
{%- endmacro %}

{#- Where a key is equal, both servers read the whole list and look at each number. Between two bounds, they look a range
    up for each list ("Range checked for each record"), unless the result is grouped by columns of the list: then they
    read everything into a buffer first, and not if the same columns are those of `starts`. -#}
{% macro default__join_from_number(starts, relation, keys, number, first, name=none) -%}
{%- set there = name or relation -%}
{{ inner_join_in_order() }} {{ relation }} {{ "as " ~ name if name }} {{ primary_key_index() }}
    on
        {%- for column in keys %}
        {{ "and " if not loop.first }}{{ there }}.{{ column }} >= {{ starts }}.{{ column }}
        and {{ there }}.{{ column }} <= {{ starts }}.{{ column }}
        {%- endfor %}
        and {{ there }}.{{ number }} >= {{ first }}
{%- endmacro %}

{% macro spark__join_from_number(starts, relation, keys, number, first, name=none) -%}
inner join {{ relation }} as {{ name }}
    on
        {{ same_key(starts, name, keys) }}
        and {{ name }}.{{ number }} >= {{ first }}
{%- endmacro %}
