{#- The active loads of each session's timeline, in the order of their runs: 9 before 10, whichever landed first.

    An incremental build reads only loads that reach a change (`changes`: session_no, from_tick). -#}
{% macro timeline_loads(changes) -%}
{%- set load_contents = ref("int_phase_keys__load_contents") -%}
select
    loads.load_id,
    sessions.session_no,
    runs.run_no,
    {{ "changes.from_tick" if is_incremental() else "null as from_tick" }},
    row_number() over (partition by loads.session_id order by char_length(loads.run_id), loads.run_id) as run_order
from (
    {{ loads_to_read("nand_op_state_timeline") | indent }}
) as loads
inner join {{ ref("int_phase_keys__sessions") }} as sessions on loads.session_id = sessions.session_id
inner join {{ ref("int_phase_keys__runs") }} as runs on {{ same_key("loads", "runs", ["session_id", "run_id"]) }}
{%- if is_incremental() %}
inner join {{ changes }} as changes on sessions.session_no = changes.session_no
where
    loads.load_id in (
        select contents.load_id
        from {{ load_contents }} as contents
        where contents.last_tick >= changes.from_tick
    )
{%- endif %}
{%- endmacro %}
