-- What has changed of each run's proposals since a model was built: from which row on other proposals are there, and
-- from which tick on the timeline is another. Grain: one row per model, session and run.
{{ config(materialized="table", only_with="int_landing__load_changes") }}

with changes as (

    select * from {{ ref("int_landing__load_changes") }}

),

proposal_loads as (

    select
        loads.session_id,
        loads.run_id,
        contents.last_tick
    from {{ ref("stg_landing__loads") }} as loads
    inner join {{ ref("int_phase_keys__load_contents") }} as contents on loads.load_id = contents.load_id
    -- also of loads that were restated a moment ago: this build goes by what held when it began
    where loads.kind = 'nand_proposal_rows'

),

proposal_changes as (

    select * from changes
    where kind = 'nand_proposal_rows'

),

restated as (

    {{ first_difference(
        "proposal_changes",
        ref("stg_nand__proposal_rows"),
        columns=[
            "op_uid", "op_name", "op_base", "key_die", "key_plane", "propose_tick", "propose_time_us",
            "context_source", "phase_key_used",
        ],
        first_of="row_no"
    ) | indent }}

),

changed_runs as (

    select
        changes.model,
        changes.session_id,
        changes.run_id,
        case when restated.load_id is null then 1 else restated.first_difference end as from_row_no,
        null as from_tick
    from changes
    left join restated on changes.load_id = restated.load_id
    where changes.kind in ('nand_proposal_rows', 'nand_proposer_log')
    union all
    select
        timeline_changes.model,
        proposal_loads.session_id,
        proposal_loads.run_id,
        null as from_row_no,
        timeline_changes.from_tick
    from {{ ref("int_phase_keys__timeline_changes") }} as timeline_changes
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on timeline_changes.session_no = sessions.session_no
    inner join proposal_loads on sessions.session_id = proposal_loads.session_id
    where timeline_changes.from_tick <= proposal_loads.last_tick

),

int_phase_keys__proposal_changes as (

    select
        model,
        session_id,
        run_id,
        min(from_row_no) as from_row_no,
        min(from_tick) as from_tick
    from changed_runs
    group by model, session_id, run_id

)

select * from int_phase_keys__proposal_changes
