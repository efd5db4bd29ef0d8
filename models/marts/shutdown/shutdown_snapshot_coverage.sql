-- How much of each run's snapshots is there.
with inputs as (

    select * from {{ ref("shutdown_snapshot_inputs") }}

),

shutdown_snapshot_coverage as (

    select
        snapshot_rule_id,
        run_id,
        count(*) as event_count,
        count(trace_taken_at) as matched_count,
        {% for input in awaited_inputs() -%}
        count(case when {{ input }}_taken_at is null then 1 end) as missing_{{ input }}_count,
        {% endfor -%}
        count(case when not is_complete then 1 end) as incomplete_count
    from inputs
    group by snapshot_rule_id, run_id

)

select * from shutdown_snapshot_coverage
