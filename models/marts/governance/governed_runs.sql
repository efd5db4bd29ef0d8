-- The governed runs that have landed: how much of each is there, since when, and from how many files.
-- Grain: one row for each run.
with run_files as (

    select
        run_loads.run_id,
        count(*) as file_count,
        {{ as_bigint("sum(run_loads.row_count)") }} as row_count,
        min(loads.finished_at) as first_landed_at,
        max(loads.finished_at) as last_landed_at
    from {{ ref("int_shutdown__run_loads") }} as run_loads
    inner join {{ ref("stg_landing__loads") }} as loads on run_loads.load_id = loads.load_id
    where loads.is_active
    group by run_loads.run_id

),

designs as (

    select
        run_id,
        count(distinct case_id) as case_count,
        count(*) as design_count,
        count(first_shutdown_step) as shutdown_design_count,
        {{ as_bigint("sum(step_count)") }} as step_count
    from {{ ref("governed_run_summary") }}
    group by run_id

),

snapshots as (

    select
        run_id,
        count(*) as snapshot_count,
        count(case when not is_complete then 1 end) as incomplete_count,
        count(case when retake_count > 0 then 1 end) as retaken_count,
        count(case when drifted_column_count > 0 then 1 end) as drifted_count
    from {{ ref("shutdown_snapshot_overview") }}
    where is_current_rule
    group by run_id

),

-- a run without active loads is remembered all the same
runs as (

    select run_id from run_files
    union distinct
    select run_id from designs

),

governed_runs as (

    select
        runs.run_id,
        coalesce(run_files.file_count, 0) as file_count,
        coalesce(run_files.row_count, 0) as row_count,
        run_files.first_landed_at,
        run_files.last_landed_at,
        coalesce(designs.case_count, 0) as case_count,
        coalesce(designs.design_count, 0) as design_count,
        coalesce(designs.step_count, 0) as step_count,
        coalesce(designs.shutdown_design_count, 0) as shutdown_design_count,
        coalesce(snapshots.snapshot_count, 0) as snapshot_count,
        coalesce(snapshots.incomplete_count, 0) as incomplete_count,
        coalesce(snapshots.retaken_count, 0) as retaken_count,
        coalesce(snapshots.drifted_count, 0) as drifted_count
    from runs
    left join run_files on runs.run_id = run_files.run_id
    left join designs on runs.run_id = designs.run_id
    left join snapshots on runs.run_id = snapshots.run_id

)

select * from governed_runs
