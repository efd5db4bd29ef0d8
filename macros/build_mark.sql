{#- Up to which change of loads the model that is being built has taken them in: a `changed_in_build` of
    `int_phase_keys__loads`, 0 when it has to take in all of them. -#}
{% macro build_mark() -%}
{{ return(mark_of(model.name) if execute and is_incremental() else 0) }}
{%- endmacro %}

{#- Up to which change of loads a model is built, 0 when it never was. The strategy `replace` writes it together with the
    model's rows. What is made from a model is built as far as that is, and no further. -#}
{% macro mark_of(model) -%}
{%- set marks = build_marks_relation() -%}
{%- set table = run_query(
    "select 1 from information_schema.tables where table_schema = '" ~ marks.schema
    ~ "' and table_name = '" ~ marks.identifier ~ "'"
) -%}
{%- if not table -%}
    {{ return(0) }}
{%- endif -%}
{%- set found = run_query("select mark from " ~ marks ~ " where model = '" ~ model ~ "'") -%}
{{ return(found.rows[0][0] | int if found.rows else 0) }}
{%- endmacro %}

{#- The table of the marks; it goes with the staging schema, where the loads are remembered. -#}
{% macro build_marks_relation() %}
    {{ return(layer_relation("staging", "build_marks")) }}
{% endmacro %}
