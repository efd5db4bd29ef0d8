{#- Note which loads the model is now built from, and which withdrawn core loads it is built `without`; a post-hook, in
    the transaction that writes the model's rows. A change counts only once the models in `upstream` have taken it in, too: what is built on stale rows is built again. -#}
{% macro note_built_loads(upstream=[]) -%}
{%- set built = ref("int_landing__built_loads") -%}
{%- set changes = ref("int_landing__load_changes") -%}
{%- if execute -%}
    {%- set applied -%}
select changes.load_id, changes.kind, changes.status, changes.has_come
from {{ changes }} as changes
where
    changes.model = '{{ model.name }}'
    {%- for name in upstream %}
    and (
        changes.kind not in ('{{ model_config(name).built_from | join("', '") }}')
        or changes.has_come = exists (
            select 1 from {{ built }} as upstream
            where upstream.model = '{{ name }}' and upstream.load_id = changes.load_id
        )
    )
    {%- endfor %}
    {%- endset -%}
    {%- set without = model.name ~ " without" -%}
    {%- do run_query(
        "delete from " ~ built ~ " where model in ('" ~ model.name ~ "', '" ~ without ~ "') and load_id in (select load_id from (" ~ applied ~ ") as applied)"
    ) -%}
    {%- do run_query(
        "insert into " ~ built ~ " (model, load_id) select if(has_come, '" ~ model.name ~ "', '" ~ without
        ~ "'), load_id from (" ~ applied ~ ") as applied where has_come or (status = 'withdrawn' and kind like 'core%')"
    ) -%}
{%- endif -%}
{%- endmacro %}

{#- A model's config, by its name. -#}
{% macro model_config(name) -%}
{{ return((graph.nodes.values() | selectattr("resource_type", "equalto", "model") | selectattr("name", "equalto", name) | first).config) }}
{%- endmacro %}
