-- Each design step by step: its measures, the fallback decision and the reservation of the step, and where it was shut
-- down. Grain: one row for each step of a design in its state trace, its fallback decisions or its reservation log.
-- Staging looks for a later row of the same key, which suits few keys; here all steps are asked for.

{%- set design = ["run_id", "case_id", "antibody_id"] %}
{%- set changed_designs = ref("int_shutdown__changed_designs") %}
{%- set files = {
    "trace": source("core", "core8_state_trace"),
    "fallback": source("core", "core8_fallback_decisions"),
    "reservation": source("core", "core9_reservation_log"),
} %}

with all_or_changed_designs as (

    {% if is_incremental() -%}
    select {{ design | join(", ") }} from {{ changed_designs }}
    where model = '{{ model.name }}'
    {% else -%}
    {% for landed in files.values() -%}
    select {{ design | join(", ") }} from {{ landed }}
    group by {{ design | join(", ") }}
    {{ "union distinct" if not loop.last }}
    {% endfor -%}
    {% endif %}
),

designs as (

    select
        {{ design | join(",\n        ") }},
        row_number() over (order by {{ design | join(", ") }}) as design_no
    from all_or_changed_designs
    where {{ in_part("crc32(concat(run_id, antibody_id))") }}

),

places as (

    {{ latest_places("designs", files) | indent }}

),

-- what is remembered, whichever rule took it: a shutdown stays one, also when its event is withdrawn
shutdowns as (

    select distinct
        designs.design_no,
        snapshots.shutdown_step
    from designs
    inner join {{ ref("shutdown_state_snapshot") }} as snapshots on {{ same_key("designs", "snapshots", design) }}

),

first_shutdowns as (

    select
        design_no,
        min(shutdown_step) as shutdown_step
    from shutdowns
    group by design_no

),

design_trajectory as (

    select
        {% for input in files -%}
        {{ input }}.{{ snapshot_inputs()[input] | join(",\n        " ~ input ~ ".") }},
        {{ input }}._load_id as {{ input }}_load_id,
        {{ input }}._line_no as {{ input }}_line_no,
        {% endfor -%}
        designs.{{ design | join(",\n        designs.") }},
        places.step,
        first_shutdowns.shutdown_step as first_shutdown_step,
        places.step - first_shutdowns.shutdown_step as steps_after_first_shutdown,
        shutdowns.shutdown_step is not null as is_shutdown_step,
        coalesce(places.step > first_shutdowns.shutdown_step, false) as is_after_shutdown
    from places
    {{ inner_join_in_order() }} designs on places.design_no = designs.design_no
    {% for input, landed in files.items() -%}
    left join {{ landed }} as {{ input }}
        on {{ stands_at(input, "places." ~ input ~ "_place") }}
    {% endfor -%}
    left join first_shutdowns on places.design_no = first_shutdowns.design_no
    left join shutdowns on places.design_no = shutdowns.design_no and places.step = shutdowns.shutdown_step
)

select * from design_trajectory
