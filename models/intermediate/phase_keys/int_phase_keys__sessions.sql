-- A small integer for each session, to sort and join by; a number stays with its session. Grain: one row per session.
-- After the list of changes, so that it knows the session of every load on it.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(unique_key=["session_id"], full_refresh=false, only_with="int_landing__load_changes") }}

with found as (

    select distinct session_id
    from {{ ref("stg_landing__loads") }}
    where session_id <> ''

),

int_phase_keys__sessions as (

    {{ numbered("found", "session_no", key=["session_id"]) | indent }}

)

select * from int_phase_keys__sessions
