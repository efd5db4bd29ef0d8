-- Designs that have more steps in a landed file than in the tables of the shutdowns. Loads that arrive
-- during the build are picked up by the next one.
{{ config(tags="full") }}

with landed as (

    {% for kind, model, step in [
        ("core8_state_trace", "int_shutdown__trace_extremes", "step"),
        ("core8_fallback_decisions", "int_shutdown__fallback_extremes", "run_id"),
        ("core9_reservation_log", "int_shutdown__reservation_extremes", "run_id"),
        ("core10_shutdown_events", "int_shutdown__states", "shutdown_step"),
    ] -%}
    select
        built.model,
        landed.run_id,
        landed.case_id,
        landed.antibody_id,
        max(built.load_id) as load_id,
        count(distinct landed.{{ step }}) as row_count
    from {{ ref("int_landing__built_loads") }} as built
    inner join {{ source("core", kind) }} as landed on built.load_id = landed._load_id
    where built.model = '{{ model }}'
    group by built.model, landed.run_id, landed.case_id, landed.antibody_id
    {{ "union all" if not loop.last }}
    {% endfor %}
),

built as (

    {% for model, count in [
        ("int_shutdown__trace_extremes", "sum(step_count)"),
        ("int_shutdown__fallback_extremes", "count(*)"),
        ("int_shutdown__reservation_extremes", "count(*)"),
        ("int_shutdown__states", "count(*)"),
    ] -%}
    select
        '{{ model }}' as model,
        run_id,
        case_id,
        antibody_id,
        {{ count }} as row_count
    from {{ ref(model) }}
    group by run_id, case_id, antibody_id
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    landed.model,
    landed.load_id,
    landed.run_id,
    landed.case_id,
    landed.antibody_id
from landed
left join built on {{ same_key("landed", "built", ["model", "run_id", "case_id", "antibody_id"]) }}
where coalesce(built.row_count, 0) < landed.row_count
