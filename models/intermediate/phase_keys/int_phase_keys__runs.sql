-- A small integer for each run, and the load that states its timeline. Grain: one row per session and run.
-- After the list of changes, so that it knows the run of every load on it.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(unique_key=["session_id", "run_id"], full_refresh=false) }}

with found as (

    select
        session_id,
        run_id,
        max(case when is_active and kind = 'nand_op_state_timeline' then load_id end) as load_id
    from {{ ref("stg_landing__loads") }}
    where session_id <> ''
    group by session_id, run_id

),

int_phase_keys__runs as (

    {{ numbered("found", "run_no", key=["session_id", "run_id"], others=["load_id"]) | indent }}

)

select * from int_phase_keys__runs
