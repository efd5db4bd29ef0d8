-- Each design step by step: its measures, the fallback decision and the reservation of the step, and where it was shut
-- down. Grain: one row for each step of a design in its state trace, its fallback decisions or its reservation log.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replace_scope="int_shutdown__changed_designs",
    replace_on=["run_id", "case_id", "antibody_id"],
    post_hook="{{ note_built_loads() }}",
    built_from=["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log", "core10_shutdown_events"],
) }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}

with steps as (

    select steps.*
    from {{ ref("int_shutdown__steps") }} as steps
    {{ join_changed_designs("steps") }}

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
        steps.run_id,
        steps.case_id,
        steps.antibody_id,
        steps.step,
        {% for input in awaited_inputs() -%}
        steps.{{ (snapshot_inputs()[input] + [input ~ "_load_id", input ~ "_line_no"]) | join(",\n        steps.") }},
        {% endfor -%}
        first_shutdowns.first_shutdown_step,
        steps.step - first_shutdowns.first_shutdown_step as steps_after_first_shutdown,
        shutdowns.shutdown_step is not null as is_shutdown_step,
        coalesce(steps.step > first_shutdowns.first_shutdown_step, false) as is_after_shutdown
    from steps
    left join first_shutdowns on {{ same_key("steps", "first_shutdowns", design) }}
    left join shutdowns on {{ same_key("steps", "shutdowns", design) }} and steps.step = shutdowns.shutdown_step

)

select * from design_trajectory
