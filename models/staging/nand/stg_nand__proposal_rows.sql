-- Grain: one row per landed proposal, of every load. A proposal is placed by its hook where that names a die and a
-- plane, else by the operation itself (design section 5).
with stg_nand__proposal_rows as (

    select
        -- ids
        _load_id as load_id,
        _row_no as row_no,
        op_uid,
        die,
        plane,
        block,
        page,
        phase_hook_die,
        phase_hook_plane,
        case when phase_hook_die is null or phase_hook_plane is null then die else phase_hook_die end as key_die,
        case when phase_hook_die is null or phase_hook_plane is null then plane else phase_hook_plane end as key_plane,

        -- text
        op_name,
        op_base,
        source,
        phase_hook_label,
        celltype_hint,
        inherit_hints,
        coalesce(phase_key, 'DEFAULT') as phase_key_used,
        case
            when phase_hook_die is null or phase_hook_plane is null then 'operation'
            else 'hook'
        end as context_source,

        -- times
        start_us,
        end_us,
        coalesce(phase_key_time, start_us) as propose_time_us,
        {{ tick("coalesce(phase_key_time, start_us)") | indent(8) }} as propose_tick,

        -- where the row comes from
        _other_columns as other_columns,
        _line_no as line_no
    -- a build reads few loads: right after landing, a server may take one for the whole table, and read all of them
    from {{ source("nand", "nand_proposal_rows") }} {{ primary_key_index() }}

)

select * from stg_nand__proposal_rows
