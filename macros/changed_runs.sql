{#- The runs that the model being built has to take in again: all of them, unless it is incremental. -#}
{% macro changed_runs() -%}
{%- set proposal_changes = ref("int_phase_keys__proposal_changes") -%}
(
    {%- if is_incremental() %}
    select
        session_id,
        run_id
    from {{ proposal_changes }}
    where model = '{{ model.name }}'
    {%- else %}
    select distinct
        session_id,
        run_id
    from {{ ref("stg_landing__loads") }}
    where session_id <> ''
    {%- endif %}
)
{%- endmacro %}
