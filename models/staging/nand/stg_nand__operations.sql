-- Grain: one row per landed operation, of every load.
with stg_nand__operations as (

    select
        -- ids
        landed._load_id as load_id,
        landed._row_no as row_no,
        landed.op_uid,
        landed.die,
        landed.plane,
        landed.block,
        landed.page,

        -- text
        landed.op_name,
        landed.op_base,
        landed.source as op_source,
        landed.op_state as simulator_op_state,
        landed.phase_key_used,
        landed.phase_key_virtual as simulator_phase_key,

        -- times
        landed.start as start_us,
        landed.end as end_us,
        {{ tick("landed.start") | indent(8) }} as start_tick,
        {{ tick("landed.`end`") | indent(8) }} as end_tick,

        -- where the row comes from
        landed._other_columns as other_columns,
        landed._line_no as line_no
    from {{ source("nand", "nand_operation_timeline") }} as landed

)

select * from stg_nand__operations
