{#- Up to which change of loads the model that is being built has taken them in: a `changed_in_build` of
    `int_phase_keys__loads`, 0 when it has to take in all of them. Written by the strategy `replace` together with the model's rows. -#}
{% macro build_mark() -%}
{%- if not execute or not is_incremental() -%}
    {{ return(0) }}
{%- endif -%}
{%- set marks = build_marks_relation() -%}
{%- if not run_query(
    "select 1 from information_schema.tables where table_schema = '" ~ marks.schema
    ~ "' and table_name = '" ~ marks.identifier ~ "'"
) -%}
    {{ return(0) }}
{%- endif -%}
{%- set found = run_query("select mark from " ~ marks ~ " where model = '" ~ this.identifier ~ "'") -%}
{{ return(found.rows[0][0] | int if found.rows else 0) }}
{%- endmacro %}

{#- The table of the marks; it goes with the staging schema, where the loads are remembered. -#}
{% macro build_marks_relation() %}
    {{ return(api.Relation.create(schema=target.schema ~ "_staging", identifier="build_marks", type="table")) }}
{% endmacro %}
