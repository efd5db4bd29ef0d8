{#- Restrict rows with session_id and run_id to the runs that the model being built has to take in again: all of them,
    unless it is incremental. `changes` then says from which row or tick on. -#}
{% macro join_changed_runs(rows) -%}
{%- set proposal_changes = ref("int_phase_keys__proposal_changes") -%}
{%- if is_incremental() -%}
inner join {{ proposal_changes }} as changes
        on
            changes.model = '{{ model.name }}'
            and {{ same_key(rows, "changes", ["session_id", "run_id"]) }}
{%- endif -%}
{%- endmacro %}
