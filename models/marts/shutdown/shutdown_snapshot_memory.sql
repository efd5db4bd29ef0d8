-- What operation remembers of each shutdown, and when it took each input (design section 4).
-- Grain: one row for each event and rule. An input is taken by the build that first finds it, and never again: a build
-- offers what is still missing, and the merge keeps what is frozen, whatever it is offered.
-- depends_on: {{ ref("int_shutdown__loads") }}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["snapshot_rule_id"] + shutdown_key(),
    merge_exclude_columns=["id"],
    frozen_by=columns_by_taken_at(),
    full_refresh=false,
    pre_hook="{{ migrate_snapshot_memory() }}",
    post_hook="update {{ ref('int_shutdown__loads') }} set remembered_status = status where seen_in = '{{ invocation_id }}'",
) }}

with current_states as (

    select * from {{ ref("int_shutdown__states") }}

),

{% if is_incremental() %}
remembered as (

    select * from {{ this }}
    where snapshot_rule_id = {{ snapshot_rule() }}

),
{% endif %}

shutdown_snapshot_memory as (

    select
        {{ as_bigint("null") }} as id,  -- the table gives it out
        {{ snapshot_rule() }} as snapshot_rule_id,
        current_states.{{ (shutdown_key() + state_columns()) | join(",\n        current_states.") }},
        {% for input in awaited_inputs() -%}
        case when current_states.is_{{ input }}_found then {{ current_timestamp() }} end as {{ input }}_taken_at,
        {% endfor -%}
        {{ current_timestamp() }} as event_taken_at
    from current_states
    {% if is_incremental() %}
    left join remembered on {{ same_key("current_states", "remembered", shutdown_key()) }}
    where
        remembered.id is null
        {% for input in awaited_inputs() -%}
        or (remembered.{{ input }}_taken_at is null and current_states.is_{{ input }}_found)
        {% endfor %}
    {% endif %}
)

select * from shutdown_snapshot_memory
