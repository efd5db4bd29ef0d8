with latest as (

    {{ current_rows(ref("base_nand__proposals")) | indent }}

),

stg_nand__proposal_rows as (

    select
        -- ids
        session_id,
        run_id,
        load_id,
        row_no,
        op_uid,
        die,
        plane,
        block,
        page,
        phase_hook_die,
        phase_hook_plane,
        key_die,
        key_plane,

        -- text
        op_name,
        op_base,
        source,
        phase_hook_label,
        celltype_hint,
        inherit_hints,
        phase_key_used,
        context_source,

        -- times
        start_us,
        end_us,
        propose_time_us,
        propose_tick,

        -- where the row comes from
        other_columns,
        line_no
    from latest

)

select * from stg_nand__proposal_rows
