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
        or changes.has_come = (exists (
            select 1 from {{ built }} as upstream
            where upstream.model = '{{ read.name }}' and upstream.load_id = changes.load_id
        ))
    )
    {%- endfor %}
    {%- endset -%}
    {%- do adapter.dispatch("note_loads", "afterstate")(built, applied, model.name, model.name ~ " without") -%}
{%- endif -%}
{%- endmacro %}

{% macro default__note_loads(built, applied, name, without) -%}
    {%- do run_query(
        "delete from " ~ built ~ " where model in ('" ~ name ~ "', '" ~ without ~ "') and load_id in (select load_id from (" ~ applied ~ ") as applied)"
    ) -%}
    {%- do run_query(
        "insert into " ~ built ~ " (model, load_id) select if(has_come, '" ~ name ~ "', '" ~ without
        ~ "'), load_id from (" ~ applied ~ ") as applied where has_come or (status = 'withdrawn' and kind like 'core%')"
    ) -%}
{%- endmacro %}

{#- One commit, to the partitions of this model alone: models that are built side by side do not touch each other's. -#}
{% macro spark__note_loads(built, applied, name, without) -%}
    {%- call statement("note_loads") -%}
insert into {{ built }} replace where model in ('{{ name }}', '{{ without }}')
with applied as (
{{ applied }}
)
select model, load_id from {{ built }}
where model in ('{{ name }}', '{{ without }}') and load_id not in (select load_id from applied)
union all
select if(has_come, '{{ name }}', '{{ without }}') as model, load_id from applied
where has_come or (status = 'withdrawn' and kind like 'core%')
    {%- endcall -%}
{%- endmacro %}

{#- Let the next build take in again all that the model being built is noted as built from. -#}
{% macro forget_built_loads() %}
    {% if config.get("built_from") and model.name in models_listed(ref("int_landing__built_loads")) %}
        {% do run_query(
            "delete from " ~ ref("int_landing__built_loads") ~ " where model in ('" ~ model.name ~ "', '" ~ model.name
            ~ " without')"
        ) %}
    {% endif %}
{% endmacro %}

{#- The models that the model being built refers to itself. -#}
{% macro models_read() -%}
{%- set read = graph.nodes.values() | selectattr("unique_id", "in", model.depends_on.nodes) -%}
{{ return(read | selectattr("resource_type", "equalto", "model") | list) }}
{%- endmacro %}
