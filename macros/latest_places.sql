{#- Where the row that holds stands in each file, for each step of `designs`, which have a number each (design section 3,
    rule 1). Each file's index is read once, in its order, and steps are matched by two integers. -#}
{% macro latest_places(designs, files) -%}
select
    {% for input in files -%}
    max(case when input_no = {{ loop.index }} then place end) as {{ input }}_place,
    {% endfor -%}
    design_no,
    step
from (
    {% for landed in files.values() -%}
    select
        {{ designs }}.design_no,
        landed.step,
        {{ loop.index }} as input_no,
        {{ landed_place("landed") }} as place
    from {{ designs }}
    {{ inner_join_in_order() }} {{ landed }} as landed {{ key_index(landed) }}
        on {{ same_key(designs, "landed", ["run_id", "case_id", "antibody_id"]) }}
    {{ inner_join_in_order() }} {{ ref("stg_landing__loads") }} as loads on landed._load_id = loads.load_id
    where loads.is_active
    {{ "union all" if not loop.last }}
    {% endfor %}
) as landed_rows
group by design_no, step
{%- endmacro %}
