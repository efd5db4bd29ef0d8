-- Grain: one row per landed segment, of every load; `stg_landing__loads` says which loads are active.
with stg_nand__op_state_segments as (

    select
        -- ids
        landed._load_id as load_id,
        landed._row_no as row_no,
        landed.die,
        landed.plane,

        -- text
        landed.op_state,
        landed.op_name,
        landed.lane,

        -- times
        landed.start as start_us,
        landed.end as end_us,
        {{ tick("landed.start") | indent(8) }} as start_tick,
        {{ tick("landed.`end`") | indent(8) }} as end_tick,
        landed.duration as duration_us,

        -- where the row comes from
        landed._other_columns as other_columns,
        landed._line_no as line_no
    -- a build reads few loads: right after landing, a server may take one for the whole table, and read all of them
    from {{ source("nand", "nand_op_state_timeline") }} as landed {{ primary_key_index() }}

)

select * from stg_nand__op_state_segments
