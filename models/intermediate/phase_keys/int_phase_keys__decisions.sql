-- What the proposer's own log says it chose: each `phase_key:` line that led to an operation, with its `selected` line.
-- Grain: one row for each such line. A table, since looking decisions up needs an index.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replaces="replaced_decisions",
) }}

{%- set since = build_mark() %}

with loads as (

    select * from {{ ref("int_phase_keys__loads") }}
    where
        kind = 'nand_proposer_log'
        and is_current
        and changed_in_build > {{ since }}

),

log_lines as (

    select
        loads.session_id,
        loads.run_id,
        proposer_log.line_no,
        proposer_log.line_kind,
        proposer_log.die,
        proposer_log.plane,
        proposer_log.now_us,
        proposer_log.phase_key,
        lead(proposer_log.line_kind) over next_line as next_line_kind,
        lead(proposer_log.op_name) over next_line as op_name
    from loads
    inner join {{ ref("base_nand__proposer_log") }} as proposer_log on loads.load_id = proposer_log.load_id
    window next_line as (partition by loads.load_id order by proposer_log.row_no)

),

int_phase_keys__decisions as (

    select
        session_id,
        run_id,
        line_no,
        die,
        plane,
        -- the log writes µs with three decimals
        cast(round(now_us * 1000) as signed) as decision_time_ns,
        now_us as decision_time_us,
        phase_key,
        op_name
    from log_lines
    where
        line_kind = 'phase_key'
        and next_line_kind = 'selected'

)

select * from int_phase_keys__decisions
