-- Grain: one row per landed line of a proposer's log, of every load.
with stg_nand__proposer_log as (

    select
        -- ids
        _load_id as load_id,
        _row_no as row_no,
        die,
        plane,

        -- text: the log writes None where the resource manager knows no state
        line_kind,
        nullif(rm_state, 'None') as rm_state,
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
        _line_no as line_no
    from {{ source("nand", "nand_proposer_log") }}

)

select * from stg_nand__proposer_log
