{#- Note which loads the model is now built from, and which withdrawn core loads it is built `without`; a post-hook, in
    the transaction that writes the model's rows. A change counts only once the models that this one reads have taken it
    in, too: what is built on stale rows is built again. A model that does not say `built_from` notes nothing. -#}
{% macro note_built_loads() -%}
{%- set built = ref("int_landing__built_loads") -%}
{%- set changes = ref("int_landing__load_changes") -%}
{%- if execute and model.config.get("built_from") -%}
    {%- set applied -%}
select changes.load_id, changes.kind, changes.status, changes.has_come
from {{ changes }} as changes
where
    changes.model = '{{ model.name }}'
    {%- for read in models_read() if read.config.get("built_from") %}
    and (
        changes.kind not in ('{{ read.config.built_from | join("', '") }}')
        or changes.has_come = exists (
            select 1 from {{ built }} as upstream
            where upstream.model = '{{ read.name }}' and upstream.load_id = changes.load_id
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

{#- The models that the model being built refers to itself. -#}
{% macro models_read() -%}
{%- set read = graph.nodes.values() | selectattr("unique_id", "in", model.depends_on.nodes) -%}
{{ return(read | selectattr("resource_type", "equalto", "model") | list) }}
{%- endmacro %}
