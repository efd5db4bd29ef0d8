{#- The loads of a kind that hold for the model that is being built: those it was built from, as its changes amend them.
    What a build reads and what it then notes as built cannot differ, whatever lands meanwhile. -#}
{% macro loads_to_read(kind) -%}
select loads.*
from {{ ref("stg_landing__loads") }} as loads
left join {{ ref("int_landing__built_loads") }} as built
    on built.model = '{{ model.name }}' and loads.load_id = built.load_id
left join {{ ref("int_landing__load_changes") }} as changes
    on changes.model = '{{ model.name }}' and loads.load_id = changes.load_id
where
    loads.kind = '{{ kind }}'
    and coalesce(changes.has_come, built.load_id is not null)
{%- endmacro %}

{#- Those of them that the model has not read yet: all of them, unless it is incremental. -#}
{% macro new_loads(kind) -%}
{{ loads_to_read(kind) }}
{%- if is_incremental() %}
    and changes.has_come
{%- endif %}
{%- endmacro %}
