-- A small integer for each run, and the load that states its timeline. Grain: one row per session and run.
-- After the list of changes, so that it knows the run of every load on it.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["session_id", "run_id"],
    full_refresh=false,
) }}

with found as (

    select
        session_id,
        run_id,
        max(case when is_active and kind = 'nand_op_state_timeline' then load_id end) as load_id
    from {{ ref("stg_landing__loads") }}
    where session_id <> ''
    group by session_id, run_id

),

known as (

    {% if is_incremental() -%}
    select * from {{ this }}
    {%- else -%}
    select
        load_id as run_no,
        session_id,
        run_id,
        load_id
    from found
    where false
    {%- endif %}

),

int_phase_keys__runs as (

    select
        cast(
            coalesce(
                numbered.run_no,
                coalesce((select max(run_no) from known), 0)
                + row_number() over (partition by numbered.run_no is null order by found.session_id, found.run_id)
            ) as signed
        ) as run_no,
        found.session_id,
        found.run_id,
        found.load_id
    from found
    left join known as numbered on {{ same_key("found", "numbered", ["session_id", "run_id"]) }}
    where
        numbered.run_no is null
        or not numbered.load_id <=> found.load_id

)

select * from int_phase_keys__runs
