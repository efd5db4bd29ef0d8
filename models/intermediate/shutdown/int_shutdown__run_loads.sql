-- Which governed runs each core file is about. Landed rows never change, so a load that was read is not read again.
-- Grain: one row for each load and run.
{{ config(unique_key=["load_id", "run_id"]) }}

{%- set kinds = ["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log", "core10_shutdown_events"] %}

with new_loads as (

    select
        load_id,
        kind
    from {{ ref("stg_landing__loads") }}
    where
        is_active
        and kind in ('{{ kinds | join("', '") }}')
        {%- if is_incremental() %}
        and load_id not in (select known.load_id from {{ this }} as known)
        {%- endif %}

),

int_shutdown__run_loads as (

    {{ run_loads("new_loads", kinds) | indent }}

)

select * from int_shutdown__run_loads
