{#- The landing layer on Spark: views over the tables of the lake that `afterstate land --lake` fills (AFTERSTATE_LAKE).

    A lake may hold rows of loads that are not finished, or were given up; a view shows those of visible loads alone, as
    `docs/landing.md` says. They are made when dbt first lists schemas, before it looks for relations; dbt's threads ask
    at once, and the first of them makes the views. -#}
{% macro spark__list_schemas(database) %}
    {% if execute and graph.setdefault("lake_views", invocation_id) is string %}
        {% do graph.update({"lake_views": none}) %}
        {% do show_lake() %}
    {% endif %}
    {% call statement("list_schemas", fetch_result=True, auto_begin=False) -%}
        show databases
    {%- endcall %}
    {{ return(load_result("list_schemas").table) }}
{% endmacro %}

{% macro show_lake() %}
    {% set loads = lake_table("landing_loads") %}
    {% set visible = "status not in ('opened', 'abandoned')" %}
    {#- `if not exists` has Hive write an error with its stack for a schema that is there -#}
    {% if not run_query("show schemas like '" ~ layer_schema("landing") ~ "'").rows %}
        {% do run_query("create schema " ~ layer_schema("landing")) %}
    {% endif %}
    {% for source in graph.sources.values() %}
        {% set rows = lake_table(source.identifier) %}
        {% set load_id = "load_id" if source.source_name == "landing" else "_load_id" %}
        {% set shown = visible if source.identifier == "landing_loads" else
            load_id ~ " in (select load_id from " ~ loads ~ " where " ~ visible ~ ")" %}
        {% do run_query(
            "create or replace view " ~ source.schema ~ "." ~ source.identifier ~ " as select * from " ~ rows ~ " where " ~ shown
        ) %}
    {% endfor %}
{% endmacro %}

{% macro lake_table(name) -%}
delta.`{{ env_var("AFTERSTATE_LAKE") }}/landing/{{ name }}`
{%- endmacro %}
