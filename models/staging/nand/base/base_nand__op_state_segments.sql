-- Grain: one row for each landed segment, of every load. Incremental models read it by load, so that what they read and
-- what they note as read cannot differ; everybody else reads stg_nand__op_state_segments.
with timeline as (

    select
        landed.*,
        landed.start as start_us,
        landed.end as end_us
    from {{ source("nand", "nand_op_state_timeline") }} as landed

),

base_nand__op_state_segments as (

    select
        -- ids
        timeline._load_id as load_id,
        timeline._row_no as row_no,
        timeline.die,
        timeline.plane,

        -- text: a state is one word, so the last of several dots parts it from its base
        left(
            timeline.op_state,
            char_length(timeline.op_state) - char_length(substring_index(timeline.op_state, '.', -1)) - 1
        ) as op_base,
        substring_index(timeline.op_state, '.', -1) as state,
        timeline.op_name,
        timeline.lane,

        -- times
        timeline.start_us,
        timeline.end_us,
        {{ tick("timeline.start_us") | indent(8) }} as start_tick,
        {{ tick("timeline.end_us") | indent(8) }} as end_tick,
        timeline.duration as duration_us,

        -- where the row comes from
        timeline._other_columns as other_columns,
        timeline._line_no as line_no
    from timeline

)

select * from base_nand__op_state_segments
