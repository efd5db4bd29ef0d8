-- A small integer for each session, to sort and join by; a number stays with its session. Grain: one row per session.
-- After the list of changes, so that it knows the session of every load on it.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["session_id"],
    full_refresh=false,
    only_with="int_landing__load_changes",
) }}

with found as (

    select distinct session_id
    from {{ ref("stg_landing__loads") }}
    where session_id <> ''

),

known as (

    {% if is_incremental() -%}
    select
        session_no,
        session_id
    from {{ this }}
    {%- else -%}
    select
        0 as session_no,
        session_id
    from found
    where false
    {%- endif %}

),

int_phase_keys__sessions as (

    select
        coalesce((select max(session_no) from known), 0) + row_number() over (order by found.session_id) as session_no,
        found.session_id
    from found
    left join known as numbered on found.session_id = numbered.session_id
    where numbered.session_id is null

)

select * from int_phase_keys__sessions
