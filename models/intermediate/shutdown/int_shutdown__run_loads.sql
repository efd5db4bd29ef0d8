-- Which governed runs each core file is about. Landed rows never change, so each load is read once.
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
        {% if is_incremental() -%}
        and load_id not in (select known.load_id from {{ this }} as known)
        {%- endif %}

),

int_shutdown__run_loads as (

    {% if is_incremental() -%}
    {% for kind in kinds -%}
    select
        new_loads.load_id,
        landed.run_id,
        count(*) as row_count
    from new_loads
    inner join {{ source("core", kind) }} as landed on new_loads.load_id = landed._load_id
    where new_loads.kind = '{{ kind }}'
    group by new_loads.load_id, landed.run_id
    {{ "union all" if not loop.last }}
    {% endfor %}
    {%- else -%}
    {{ landed_run_loads("new_loads", kinds) | indent }}
    {%- endif %}

)

select * from int_shutdown__run_loads
