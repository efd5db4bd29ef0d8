-- Segments that still run when the next one of their plane starts. Normal: a suspend or a cache program does it; the
-- last-started segment holds. Grain: one row per such segment.
with op_state_overlaps as (

    select
        session_id,
        die,
        plane,
        segment_no,
        op_base,
        state,
        start_tick,
        end_tick,
        next_start_tick,
        end_tick - next_start_tick as overlap_ticks
    from {{ ref("op_state_spans") }}
    where end_tick > next_start_tick

)

select * from op_state_overlaps
