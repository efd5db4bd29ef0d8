with latest as (

    {{ current_rows(ref("base_nand__op_state_segments")) | indent }}

),

stg_nand__op_state_segments as (

    select
        -- ids
        session_id,
        run_id,
        load_id,
        row_no,
        die,
        plane,

        -- text
        op_base,
        state,
        op_name,
        lane,

        -- times
        start_us,
        end_us,
        start_tick,
        end_tick,
        duration_us,

        -- where the row comes from
        other_columns,
        line_no
    from latest

)

select * from stg_nand__op_state_segments
