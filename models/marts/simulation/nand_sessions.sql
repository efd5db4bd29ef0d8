-- The simulated sessions that have landed, each one continuous timeline. Grain: one row for each session.
with runs as (

    select
        session_id,
        count(*) as run_count,
        {{ as_bigint("sum(file_count)") }} as file_count,
        min(first_landed_at) as first_landed_at,
        max(last_landed_at) as last_landed_at,
        {{ as_bigint("sum(proposal_count)") }} as proposal_count,
        {{ as_bigint("sum(operation_count)") }} as operation_count
    from {{ ref("nand_runs") }}
    group by session_id

),

planes as (

    select
        session_id,
        count(distinct die) as die_count,
        count(*) as plane_count,
        {{ as_bigint("sum(segment_count)") }} as segment_count,
        min(first_start_tick) as first_start_tick,
        max(last_end_tick) as last_end_tick
    from {{ ref("plane_utilisation") }}
    group by session_id

),

nand_sessions as (

    select
        runs.session_id,
        runs.run_count,
        runs.file_count,
        runs.first_landed_at,
        runs.last_landed_at,
        coalesce(planes.die_count, 0) as die_count,
        coalesce(planes.plane_count, 0) as plane_count,
        coalesce(planes.segment_count, 0) as segment_count,
        runs.proposal_count,
        runs.operation_count,
        planes.first_start_tick / 1e2 as first_start_us,
        planes.last_end_tick / 1e2 as last_end_us
    from runs
    left join planes on runs.session_id = planes.session_id

)

select * from nand_sessions
