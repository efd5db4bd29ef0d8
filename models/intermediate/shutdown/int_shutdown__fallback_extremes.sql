-- The extremes of each design in the fallback decisions. Grain: one row per design.
{{ config(built_from=["core8_fallback_decisions"], post_hook="{{ note_built_loads() }}") }}

with landed as (

    select landed.*
    from {{ ref("stg_core__fallback_decisions") }} as landed
    {{ join_changed_designs("landed") }}

),

int_shutdown__fallback_extremes as (

    select
        run_id,
        case_id,
        antibody_id,
        max(fallback_score) as max_fallback_score
    from landed
    group by run_id, case_id, antibody_id

)

select * from int_shutdown__fallback_extremes
