{#- Rows of a landing table that no later row of the same key has restated (design section 3, rule 1); those of withdrawn
    loads are as if they had never landed.

    An anti-join, not a window: a view with a window cannot be merged into the query that reads it, so that looking up
    the few keys of the shutdown events would first sort everything that ever landed. -#}
{% macro latest_rows(landing, key) %}
select landed.*
from {{ landing }} as landed
where
    {{ not_withdrawn("landed") }}
    and not exists (
        select 1
        from {{ landing }} as later
        where
            {{ same_key("later", "landed", key) }}
            and {{ not_withdrawn("later") }}
            and (
                later._load_id > landed._load_id
                or (later._load_id = landed._load_id and later._row_no > landed._row_no)
            )
    )
{%- endmacro %}

{#- The condition that the load of a landed row was not withdrawn. -#}
{% macro not_withdrawn(rows) -%}
not exists (
    select 1
    from {{ source("landing", "landing_loads") }} as loads
    where
        loads.load_id = {{ rows }}._load_id
        and loads.status = 'withdrawn'
)
{%- endmacro %}
