-- What a proposer's own log says it chose: each `phase_key:` line that led to an operation, with its `selected` line.
-- Grain: one row per such line. A table, since looking decisions up takes an index: one key, which holds every column
-- that is asked for.
{{ config(
    incremental_strategy="replace",
    built_from=["nand_proposer_log"],
    replace_scope="int_landing__load_changes",
    replace_on=["load_id"],
) }}

with loads as (

    {{ new_loads("nand_proposer_log") | indent }}

),

log_lines as (

    select
        proposer_log.*,
        lead(proposer_log.row_no) over next_line as next_row_no,
        lead(proposer_log.line_kind) over next_line as next_line_kind,
        lead(proposer_log.op_name) over next_line as next_op_name
    from loads
    inner join {{ ref("stg_nand__proposer_log") }} as proposer_log on loads.load_id = proposer_log.load_id
    window next_line as (partition by proposer_log.load_id order by proposer_log.row_no)

),

int_phase_keys__decisions as (

    select
        load_id,
        line_no,
        die,
        plane,
        -- the log writes µs with three decimals
        {{ as_bigint("round(now_us * 1000)") }} as decision_time_ns,
        now_us as decision_time_us,
        phase_key,
        next_op_name as op_name
    from log_lines
    where
        line_kind = 'phase_key'
        and next_line_kind = 'selected'
        -- a rejected line between the two parts them
        and next_row_no = row_no + 1
        -- an older Afterstate landed `now=nan`; today's rejects the line
        and now_us is not null
        and die is not null
        and plane is not null

)

select * from int_phase_keys__decisions
