-- A small integer for each state, to sort and join by; a number stays with its state.
-- Grain: one row per `<BASE>.<STATE>`.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(unique_key=["op_state"], full_refresh=false, only_with="int_landing__load_changes") }}

with found as (

    select distinct
        op_state,
        {{ op_base("op_state") }} as op_base,
        {{ state_name("op_state") }} as state
    from {{ ref("int_phase_keys__load_contents") }}
    where op_state <> ''

),

int_phase_keys__states as (

    {{ numbered("found", "state_no", key=["op_state"], others=["op_base", "state"]) | indent }}

)

select * from int_phase_keys__states
