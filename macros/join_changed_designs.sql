{#- Restrict rows with run_id, case_id and antibody_id to the designs that the model being built has to take in again: all
    of them, unless it is incremental. -#}
{% macro join_changed_designs(rows) -%}
{%- set changed_designs = ref("int_shutdown__changed_designs") -%}
{%- if is_incremental() -%}
inner join {{ changed_designs }} as changed
        on
            changed.model = '{{ model.name }}'
            and {{ same_key(rows, "changed", ["run_id", "case_id", "antibody_id"]) }}
{%- endif -%}
{%- endmacro %}
