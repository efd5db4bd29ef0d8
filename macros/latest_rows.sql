{#- Rows of a landing table that no later row of the same key has restated, among the loads that are active (design
    section 3, rule 1).

    An anti-join, not a window: a view with a window cannot be merged into the query that reads it, so that looking up
    the few keys of the shutdown events would first sort everything that ever landed. -#}
{% macro latest_rows(landing, key) %}
select landed.*
from {{ landing }} as landed
inner join {{ ref("stg_landing__loads") }} as loads on landed._load_id = loads.load_id
where
    loads.is_active
    and not exists (
        select 1
        from {{ landing }} as later
        inner join {{ ref("stg_landing__loads") }} as later_loads on later._load_id = later_loads.load_id
        where
            {{ same_key("later", "landed", key) }}
            and later_loads.is_active
            and (
                later._load_id > landed._load_id
                or (later._load_id = landed._load_id and later._row_no > landed._row_no)
            )
    )
{%- endmacro %}
