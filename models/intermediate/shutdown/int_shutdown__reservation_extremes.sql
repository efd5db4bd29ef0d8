-- The extremes of each design in the reservation log. Grain: one row per design.
{{ config(built_from=["core9_reservation_log"], post_hook="{{ note_built_loads() }}") }}

with landed as (

    select landed.*
    from {{ ref("stg_core__reservation_log") }} as landed
    {{ join_changed_designs("landed") }}

),

int_shutdown__reservation_extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        max(risk_score_total) as max_risk_score_total
    from landed
    group by run_id, case_id, antibody_id

)

select * from int_shutdown__reservation_extremes
