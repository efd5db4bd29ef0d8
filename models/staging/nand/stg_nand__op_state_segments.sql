-- Grain: one row per landed segment, of every load; `stg_landing__loads` says which loads are active.
with timeline as (

    select
        landed.*,
        landed.start as start_us,
        landed.end as end_us
    from {{ source("nand", "nand_op_state_timeline") }} as landed

),

stg_nand__op_state_segments as (

    select
        -- ids
        _load_id as load_id,
        _row_no as row_no,
        die,
        plane,

        -- text
        op_state,
        op_name,
        lane,

        -- times
        start_us,
        end_us,
        {{ tick("start_us") | indent(8) }} as start_tick,
        {{ tick("end_us") | indent(8) }} as end_tick,
        duration as duration_us,

        -- where the row comes from
        _other_columns as other_columns,
        _line_no as line_no
    from timeline

)

select * from stg_nand__op_state_segments
