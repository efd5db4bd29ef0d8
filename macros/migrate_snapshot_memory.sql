{#- Bring a memory of Afterstate 0.1, which knew which inputs it had but not since when, to the times of its inputs: an
    input that was there was there when the snapshot took its values. What is frozen with an input missing takes that
    input at this build, like any other.

    In place, since this is the one table that no file can rebuild. Each step can be taken again: a build that dies
    between two of them is followed by one that finishes. -#}
{% macro migrate_snapshot_memory() %}
    {% do add_measures() %}
    {% set memory = load_cached_relation(this) if execute else none %}
    {% if memory is none or memory.is_view %}
        {{ return("") }}
    {% endif %}
    {% set there = adapter.get_columns_in_relation(memory) | map(attribute="name") | list %}
    {% if "is_trace_found" not in there %}
        {{ return("") }}
    {% endif %}
    {% set inputs = snapshot_inputs() %}
    {% if "event_taken_at" not in there %}
        {% set added = [] %}
        {% for input in inputs %}
            {% do added.append("add column " ~ input ~ "_taken_at datetime(6)") %}
        {% endfor %}
        {% do run_query("alter table " ~ memory ~ " " ~ added | join(", ")) %}
    {% endif %}
    {% set taken = ["event_taken_at = snapshot_created_at"] %}
    {% set dropped = ["modify column event_taken_at datetime(6) not null", "drop column snapshot_created_at"] %}
    {% for input in awaited_inputs() %}
        {% do taken.append(input ~ "_taken_at = if(is_" ~ input ~ "_found, snapshot_created_at, null)") %}
        {% do dropped.append("drop column is_" ~ input ~ "_found") %}
    {% endfor %}
    {% do run_query("update " ~ memory ~ " set " ~ taken | join(", ")) %}
    {% do run_query("alter table " ~ memory ~ " " ~ dropped | join(", ")) %}
{% endmacro %}

{#- Add the measures to this table that a newer Afterstate knows, in place. They are NULL in the snapshots that took their
    input before: what is frozen stays as it was. -#}
{% macro add_measures() %}
    {% set there = load_cached_relation(this) if execute else none %}
    {% if there is none or there.is_view %}
        {{ return("") }}
    {% endif %}
    {% set known = adapter.get_columns_in_relation(there) | map(attribute="name") | list %}
    {% set added = [] %}
    {% for column in state_columns() if column not in known %}
        {% do added.append("add column " ~ column ~ " " ~ model["columns"][column]["data_type"]) %}
    {% endfor %}
    {% if added %}
        {% do run_query("alter table " ~ there ~ " " ~ added | join(", ")) %}
    {% endif %}
    {{ return("") }}
{% endmacro %}
