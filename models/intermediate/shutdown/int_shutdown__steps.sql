-- What the files say of each step of a design. Grain: one row for each step in a design's state trace, fallback
-- decisions or reservation log.
-- Staging looks for a later row of the same key, which suits the few keys of the shutdowns. Here all steps of a design
-- are asked for: each file's index is read once, in its order, and steps are matched by two integers.
{{ config(
    built_from=["core8_state_trace", "core8_fallback_decisions", "core9_reservation_log"],
    post_hook="{{ note_built_loads() }}",
) }}

{%- set design = ["run_id", "case_id", "antibody_id"] %}
{%- set changed_designs = ref("int_shutdown__changed_designs") %}
{%- set files = {
    "trace": source("core", "core8_state_trace"),
    "fallback": source("core", "core8_fallback_decisions"),
    "reservation": source("core", "core9_reservation_log"),
} %}

with all_or_changed_designs as (

    {% if is_incremental() -%}
    select
        run_id,
        case_id,
        antibody_id
    from {{ changed_designs }}
    where model = '{{ model.name }}'
    {% else -%}
    {% for landed in files.values() -%}
    select
        run_id,
        case_id,
        antibody_id
    from {{ landed }}
    group by run_id, case_id, antibody_id
    {{ "union distinct" if not loop.last }}
    {% endfor -%}
    {% endif %}
),

designs as (

    select
        run_id,
        case_id,
        antibody_id,
        row_number() over (order by run_id, case_id, antibody_id) as design_no
    from all_or_changed_designs

),

landed_rows as (

    {% for input, landed in files.items() -%}
    select
        designs.design_no,
        landed.step,
        {{ loop.index }} as input_no,
        {{ landed_place("landed") }} as place
    from designs
    {{ inner_join_in_order() }} {{ landed }} as landed {{ key_index(landed) }}
        on {{ same_key("designs", "landed", design) }}
    {{ inner_join_in_order() }} {{ ref("stg_landing__loads") }} as loads on landed._load_id = loads.load_id
    where loads.is_active
    {{ "union all" if not loop.last }}
    {% endfor %}
),

places as (

    select
        {% for input in files -%}
        max(case when input_no = {{ loop.index }} then place end) as {{ input }}_place,
        {% endfor -%}
        design_no,
        step
    from landed_rows
    group by design_no, step

),

int_shutdown__steps as (

    select
        {% for input in files -%}
        {{ input }}.{{ snapshot_inputs()[input] | join(",\n        " ~ input ~ ".") }},
        {{ input }}._load_id as {{ input }}_load_id,
        {{ input }}._line_no as {{ input }}_line_no,
        {% endfor -%}
        designs.{{ design | join(",\n        designs.") }},
        places.step
    from places
    {{ inner_join_in_order() }} designs on places.design_no = designs.design_no
    {% for input, landed in files.items() -%}
    left join {{ landed }} as {{ input }}
        on {{ stands_at(input, "places." ~ input ~ "_place") }}
    {% endfor %}
)

select * from int_shutdown__steps
