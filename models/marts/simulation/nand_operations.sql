-- What each simulated operation did: where, on which block and page, when and for how long.
-- Grain: one row for each row of a run's operation timeline; an operation on several planes has a row for each.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_operation_timeline"],
    replace_scope="int_landing__load_changes",
    replace_on=["session_id", "run_id"],
    post_hook="{{ note_built_loads() }}",
) }}

with loads as (

    {{ new_loads("nand_operation_timeline") | indent }}

),

nand_operations as (

    select
        loads.session_id,
        loads.run_id,
        operations.row_no,
        operations.op_uid,
        operations.op_name,
        operations.op_base,
        bases.family as op_family,
        operations.die,
        operations.plane,
        operations.block,
        operations.page,
        operations.op_source,
        operations.start_tick,
        operations.end_tick,
        operations.start_us,
        operations.end_us,
        (operations.end_tick - operations.start_tick) / 1e2 as duration_us,
        operations.phase_key_used,
        operations.simulator_op_state,
        operations.simulator_phase_key,
        operations.load_id,
        operations.line_no
    from loads
    inner join {{ ref("stg_nand__operations") }} as operations on loads.load_id = operations.load_id
    left join {{ ref("nand_op_bases") }} as bases on operations.op_base = bases.op_base

)

select * from nand_operations
