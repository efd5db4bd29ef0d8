-- The simulated runs that have landed: from which files, since when, and how much each brought.
-- Grain: one row for each session and run.
with loads as (

    select * from {{ ref("stg_landing__loads") }}
    where
        is_active
        and session_id <> ''

),

timelines as (

    select
        loads.session_id,
        loads.run_id,
        min(contents.first_tick) as first_start_tick,
        max(contents.last_tick) as last_start_tick
    from loads
    inner join {{ ref("int_phase_keys__load_contents") }} as contents on loads.load_id = contents.load_id
    where loads.kind = 'nand_op_state_timeline'
    group by loads.session_id, loads.run_id

),

run_files as (

    select
        session_id,
        run_id,
        count(*) as file_count,
        min(finished_at) as first_landed_at,
        max(finished_at) as last_landed_at,
        {{ as_bigint("sum(case when kind = 'nand_op_state_timeline' then rows_landed else 0 end)") }}
            as timeline_row_count,
        {{ as_bigint("sum(case when kind = 'nand_proposal_rows' then rows_landed else 0 end)") }} as proposal_count,
        {{ as_bigint("sum(case when kind = 'nand_operation_timeline' then rows_landed else 0 end)") }}
            as operation_count,
        {{ as_bigint("sum(case when kind = 'nand_proposer_log' then rows_landed else 0 end)") }} as log_line_count
    from loads
    group by session_id, run_id

),

nand_runs as (

    select
        run_files.session_id,
        run_files.run_id,
        run_files.file_count,
        run_files.first_landed_at,
        run_files.last_landed_at,
        run_files.timeline_row_count,
        run_files.proposal_count,
        run_files.operation_count,
        run_files.log_line_count,
        timelines.first_start_tick,
        timelines.last_start_tick,
        timelines.first_start_tick / 1e2 as first_start_us,
        timelines.last_start_tick / 1e2 as last_start_us
    from run_files
    left join timelines on {{ same_key("run_files", "timelines", ["session_id", "run_id"]) }}

)

select * from nand_runs
