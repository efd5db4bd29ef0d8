{#- Rows of a base model whose load is the one that holds for its session and run: a file states its run as a whole, so
    that a changed one stands for all rows of the earlier (design section 3, rule 1). -#}
{% macro current_rows(base) -%}
select
    loads.session_id,
    loads.run_id,
    base.*
from {{ base }} as base
inner join {{ source("landing", "landing_loads") }} as loads
    on base.load_id = loads.load_id
where loads.status = 'landed'
{%- endmacro %}
