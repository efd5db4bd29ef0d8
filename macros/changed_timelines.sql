{#- From which tick on each session's timeline has changed since a build; nothing before it can have. A load that came or
    went changes what holds from its own first segment on. -#}
{% macro changed_timelines(since) -%}
select
    session_id,
    min(first_tick) as from_tick
from {{ ref("int_phase_keys__loads") }}
where
    kind = 'nand_op_state_timeline'
    and changed_in_build > {{ since }}
    and first_tick is not null
group by session_id
{%- endmacro %}

{#- Which runs have got other rows of some kinds since a build. -#}
{% macro changed_runs(kinds, since) -%}
select distinct
    session_id,
    run_id
from {{ ref("int_phase_keys__loads") }}
where
    kind in ('{{ kinds | join("', '") }}')
    and changed_in_build > {{ since }}
{%- endmacro %}

{#- The change up to which a model is built that takes in all loads as they are now. -#}
{% macro latest_build_mark() %}
    {% set latest = run_query("select coalesce(max(changed_in_build), 0) from " ~ ref("int_phase_keys__loads")) %}
    {{ return(latest.rows[0][0] | int) }}
{% endmacro %}
