{#- Rows of a landing table that no later row of the same key has restated, among the loads that are active (design
    section 3, rule 1).

    An anti-join, not a window: a view with a window cannot be merged into the query that reads it, so that looking up
    the few keys of the shutdown events would first sort everything that ever landed. -#}
{% macro latest_rows(landing, key) %}
select landed.*
from {{ landing }} as landed
where
    {{ is_of_active_load("landed") }}
    and not exists (
        select 1
        from {{ landing }} as later {{ key_index(landing) }}
        where
            {{ same_key("later", "landed", key) }}
            and (
                later._load_id > landed._load_id
                or (later._load_id = landed._load_id and later._row_no > landed._row_no)
            )
            and {{ is_of_active_load("later") }}
    )
{%- endmacro %}
