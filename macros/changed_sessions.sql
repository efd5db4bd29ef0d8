{#- The sessions that the model being built has to take in again: all of them, unless it is incremental. -#}
{% macro changed_sessions() -%}
{%- set load_changes = ref("int_landing__load_changes") -%}
select
    sessions.session_no,
    sessions.session_id
from {{ ref("int_phase_keys__sessions") }} as sessions
{%- if is_incremental() %}
where
    sessions.session_id in (
        select changes.session_id
        from {{ load_changes }} as changes
        where changes.model = '{{ model.name }}'
    )
{%- endif %}
{%- endmacro %}
