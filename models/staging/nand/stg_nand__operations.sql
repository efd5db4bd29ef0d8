with operation_timeline as (

    select
        landed.*,
        landed.start as start_us,
        landed.end as end_us
    from {{ source("nand", "nand_operation_timeline") }} as landed

),

loads as (

    select * from {{ source("landing", "landing_loads") }}

),

stg_nand__operations as (

    select
        -- ids
        loads.session_id,
        loads.run_id,
        operation_timeline._row_no as row_no,
        operation_timeline.op_uid,
        operation_timeline.die,
        operation_timeline.plane,
        operation_timeline.block,
        operation_timeline.page,

        -- text
        operation_timeline.op_name,
        operation_timeline.op_base,
        operation_timeline.source,
        operation_timeline.op_state,
        operation_timeline.phase_key_used,
        operation_timeline.phase_key_virtual,

        -- times
        operation_timeline.start_us,
        operation_timeline.end_us,
        {{ tick("operation_timeline.start_us") | indent(8) }} as start_tick,
        {{ tick("operation_timeline.end_us") | indent(8) }} as end_tick,

        -- where the row comes from
        operation_timeline._other_columns as other_columns,
        operation_timeline._load_id as load_id,
        operation_timeline._line_no as line_no
    from operation_timeline
    inner join loads on operation_timeline._load_id = loads.load_id
    where loads.status = 'landed'

)

select * from stg_nand__operations
