-- Grain: one row per landed operation, of every load.
with operation_timeline as (

    select
        landed.*,
        landed.start as start_us,
        landed.end as end_us
    from {{ source("nand", "nand_operation_timeline") }} as landed

),

stg_nand__operations as (

    select
        -- ids
        _load_id as load_id,
        _row_no as row_no,
        op_uid,
        die,
        plane,
        block,
        page,

        -- text
        op_name,
        op_base,
        source as op_source,
        op_state as simulator_op_state,
        phase_key_used,
        phase_key_virtual as simulator_phase_key,

        -- times
        start_us,
        end_us,
        {{ tick("start_us") | indent(8) }} as start_tick,
        {{ tick("end_us") | indent(8) }} as end_tick,

        -- where the row comes from
        _other_columns as other_columns,
        _line_no as line_no
    from operation_timeline

)

select * from stg_nand__operations
