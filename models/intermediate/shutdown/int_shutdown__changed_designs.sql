-- Which designs' rows have changed since a model was built. Grain: one row per model and design.
-- A table, so that the few designs of most builds come first in every join. A model without a table is built in full.
{{ config(only_with="int_landing__load_changes") }}

{%- set kinds = ["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log", "core10_shutdown_events"] %}

with changes as (

    select * from {{ ref("int_landing__load_changes") }}
    where model in ('{{ models_with_tables() | join("', '") }}')

),

int_shutdown__changed_designs as (

    {% for kind in kinds -%}
    select
        changes.model,
        landed.run_id,
        landed.case_id,
        landed.antibody_id
    from changes
    inner join {{ source("core", kind) }} as landed on changes.load_id = landed._load_id
    where changes.kind = '{{ kind }}'
    {{ "union distinct" if not loop.last }}
    {% endfor %}
)

select * from int_shutdown__changed_designs
