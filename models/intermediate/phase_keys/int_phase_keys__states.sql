-- A small integer for each state, to sort and join by; a number stays with its state.
-- Grain: one row per `<BASE>.<STATE>`.
-- depends_on: {{ ref("int_landing__load_changes") }}
{{ config(
    materialized="incremental",
    incremental_strategy="merge",
    unique_key=["op_state"],
    full_refresh=false,
    only_with="int_landing__load_changes",
) }}

with found as (

    select distinct op_state
    from {{ ref("int_phase_keys__load_contents") }}
    where op_state <> ''

),

known as (

    {% if is_incremental() -%}
    select
        state_no,
        op_state
    from {{ this }}
    {%- else -%}
    select
        0 as state_no,
        op_state
    from found
    where false
    {%- endif %}

),

int_phase_keys__states as (

    select
        coalesce((select max(state_no) from known), 0) + row_number() over (order by found.op_state) as state_no,
        found.op_state,
        {{ op_base("found.op_state") }} as op_base,
        {{ state_name("found.op_state") }} as state
    from found
    left join known as numbered on found.op_state = numbered.op_state
    where numbered.op_state is null

)

select * from int_phase_keys__states
