-- Designs that have more steps in a landed file than in the tables of the shutdowns. Loads that arrive
-- during the build are picked up by the next one.
{{ config(tags="full") }}

{%- set kinds = [
    ("core8_state_trace", "step", "design_trajectory", "trace_load_id"),
    ("core8_fallback_decisions", "step", "design_trajectory", "fallback_load_id"),
    ("core9_reservation_log", "step", "design_trajectory", "reservation_load_id"),
    ("core10_shutdown_events", "shutdown_step", "int_shutdown__states", "event_load_id"),
] %}

with landed as (

    {% for kind, step, model, load_id in kinds -%}
    select
        '{{ kind }}' as kind,
        landed.run_id,
        landed.case_id,
        landed.antibody_id,
        max(built.load_id) as load_id,
        count(distinct landed.{{ step }}) as step_count
    from {{ ref("int_landing__built_loads") }} as built
    inner join {{ source("core", kind) }} as landed on built.load_id = landed._load_id
    where built.model = '{{ model }}'
    group by landed.run_id, landed.case_id, landed.antibody_id
    {{ "union all" if not loop.last }}
    {% endfor %}
),

built as (

    {% for kind, step, model, load_id in kinds -%}
    select
        '{{ kind }}' as kind,
        run_id,
        case_id,
        antibody_id,
        count({{ load_id }}) as step_count
    from {{ ref(model) }}
    group by run_id, case_id, antibody_id
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    landed.kind,
    landed.load_id,
    landed.run_id,
    landed.case_id,
    landed.antibody_id
from landed
left join built on {{ same_key("landed", "built", ["kind", "run_id", "case_id", "antibody_id"]) }}
where coalesce(built.step_count, 0) < landed.step_count
