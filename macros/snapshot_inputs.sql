{#- What a shutdown snapshot is made of: its inputs, and the columns that it takes from each. Memory, drift, disagreements
    and the current states all read these lists, so that a new measure is added here once. -#}
{% macro snapshot_inputs() %}
    {{ return({
        "event": ["shutdown_trigger_final"],
        "trace": ["SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak"],
        "fallback": ["fallback_stage", "fallback_reason_code", "fallback_score"],
        "reservation": ["reservation_status", "reservation_reason_code", "risk_score_total"],
    }) }}
{% endmacro %}

{#- The inputs that may come after the event. -#}
{% macro awaited_inputs() %}
    {{ return(["trace", "fallback", "reservation"]) }}
{% endmacro %}

{#- Every column of the state, in the notebook's order. -#}
{% macro state_columns() %}
    {{ return(snapshot_inputs().values() | sum(start=[])) }}
{% endmacro %}

{#- What identifies a shutdown. -#}
{% macro shutdown_key() %}
    {{ return(["run_id", "case_id", "antibody_id", "shutdown_step"]) }}
{% endmacro %}

{#- The time at which a snapshot took an input freezes that input's columns: the mapping that `frozen_by` expects. -#}
{% macro columns_by_taken_at() %}
    {% set frozen_by = {} %}
    {% for input, columns in snapshot_inputs().items() %}
        {% do frozen_by.update({input ~ "_taken_at": columns}) %}
    {% endfor %}
    {{ return(frozen_by) }}
{% endmacro %}
