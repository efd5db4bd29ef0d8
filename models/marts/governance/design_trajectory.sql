-- Each design step by step: its measures, the fallback decision and the reservation of the step, and where it was shut
-- down. Grain: one row for each step of a design in its state trace.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replace_scope="int_shutdown__changed_designs",
    replace_on=["run_id", "case_id", "antibody_id"],
    post_hook="{{ note_built_loads() }}",
    built_from=["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log", "core10_shutdown_events"],
) }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}

with trace as (

    select landed.*
    from {{ ref("stg_core__state_trace") }} as landed
    {{ join_changed_designs("landed") }}

),

fallback as (

    select * from {{ ref("stg_core__fallback_decisions") }}

),

reservation as (

    select * from {{ ref("stg_core__reservation_log") }}

),

-- what is remembered, whichever rule took it: a shutdown stays one, also when its event is withdrawn
shutdowns as (

    select distinct
        run_id,
        case_id,
        antibody_id,
        shutdown_step
    from {{ ref("shutdown_state_snapshot") }}

),

first_shutdowns as (

    select
        run_id,
        case_id,
        antibody_id,
        min(shutdown_step) as first_shutdown_step
    from shutdowns
    group by run_id, case_id, antibody_id

),

design_trajectory as (

    select
        trace.run_id,
        trace.case_id,
        trace.antibody_id,
        trace.step,
        {% for input in awaited_inputs() -%}
        {% for column in snapshot_inputs()[input] -%}
        {{ input }}.{{ column }},
        {% endfor -%}
        {% endfor -%}
        {% for input in awaited_inputs() -%}
        {{ input }}.load_id as {{ input }}_load_id,
        {{ input }}.line_no as {{ input }}_line_no,
        {% endfor -%}
        first_shutdowns.first_shutdown_step,
        trace.step - first_shutdowns.first_shutdown_step as steps_after_first_shutdown,
        shutdowns.shutdown_step is not null as is_shutdown_step,
        coalesce(trace.step > first_shutdowns.first_shutdown_step, false) as is_after_shutdown
    from trace
    left join fallback on {{ same_key("trace", "fallback", design + ["step"]) }}
    left join reservation on {{ same_key("trace", "reservation", design + ["step"]) }}
    left join first_shutdowns on {{ same_key("trace", "first_shutdowns", design) }}
    left join shutdowns on {{ same_key("trace", "shutdowns", design) }} and trace.step = shutdowns.shutdown_step

)

select * from design_trajectory
