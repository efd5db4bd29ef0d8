-- From which tick on each session's timeline has changed since a model was built; nothing before it can have.
-- Grain: one row per model and session.
{{ config(materialized="table", only_with="int_landing__load_changes") }}

with changes as (

    select * from {{ ref("int_landing__load_changes") }}
    where kind = 'nand_op_state_timeline'

),

restated as (

    {{ first_difference(
        "changes",
        ref("stg_nand__op_state_segments"),
        columns=["die", "plane", "op_state", "start_tick", "end_tick"],
        first_of="start_tick"
    ) | indent }}

),

int_phase_keys__timeline_changes as (

    select
        changes.model,
        sessions.session_no,
        min(case when restated.load_id is null then contents.first_tick else restated.first_difference end) as from_tick
    from changes
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on changes.session_id = sessions.session_id
    inner join {{ ref("int_phase_keys__load_contents") }} as contents on changes.load_id = contents.load_id
    left join restated on changes.load_id = restated.load_id
    group by changes.model, sessions.session_no

)

select * from int_phase_keys__timeline_changes
where from_tick is not null
