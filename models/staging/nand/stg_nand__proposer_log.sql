with latest as (

    {{ current_rows(ref("base_nand__proposer_log")) | indent }}

),

stg_nand__proposer_log as (

    select
        -- ids
        session_id,
        run_id,
        load_id,
        row_no,
        die,
        plane,

        -- text
        line_kind,
        rm_state,
        hook_label,
        phase_key,
        op_name,
        op_base,

        -- numbers
        len_batch,

        -- times
        now_us,
        start_us,

        -- where the row comes from
        line_no
    from latest

)

select * from stg_nand__proposer_log
