-- Rows that staging takes for their key's latest, and for which the table of steps has another one or none: both state
-- the rule of design section 3. Loads that arrive during the build are picked up by the next one.
{{ config(tags="full") }}

{%- set key = ["run_id", "case_id", "antibody_id", "step"] %}
{%- set inputs = {
    "trace": ref("stg_core__state_trace"),
    "fallback": ref("stg_core__fallback_decisions"),
    "reservation": ref("stg_core__reservation_log"),
} %}

{% for input, rows in inputs.items() -%}
select
    '{{ input }}' as input,
    latest.{{ key | join(",\n    latest.") }},
    latest.load_id,
    latest.line_no
from {{ rows }} as latest
inner join {{ ref("int_landing__built_loads") }} as built
    on built.model = 'design_trajectory' and latest.load_id = built.load_id
left join {{ ref("design_trajectory") }} as steps
    on
        {{ same_key("latest", "steps", key) }}
        and latest.load_id = steps.{{ input }}_load_id
        and latest.line_no = steps.{{ input }}_line_no
where steps.run_id is null
{{ "union all" if not loop.last }}
{% endfor %}
