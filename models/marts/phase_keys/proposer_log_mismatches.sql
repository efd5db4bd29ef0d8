-- Proposals whose used phase key is not what the proposer's own log says it chose. Empty, or a test fails.
-- Grain: one row for each such proposal. Runs without a log have nothing to compare; a proposal without its hook cannot
-- be found in a log. A choice belongs to a proposal when it was made for the same plane at the same time, and what it
-- selected was proposed there: a batch has one choice for several proposals, and choosing to wait proposes nothing.
with phase_keys as (

    select * from {{ ref("proposal_phase_keys") }}
    where context_source = 'hook'

),

decisions as (

    select * from {{ ref("int_phase_keys__decisions") }}

),

logged_runs as (

    select distinct
        session_id,
        run_id
    from {{ ref("int_phase_keys__loads") }}
    where
        kind = 'nand_proposer_log'
        and is_current

),

-- the log's three decimals are the time's own, rounded down or up
roundings as (

    select 0 as ns
    union all
    select 1 as ns

),

choices as (

    select
        phase_keys.session_id,
        phase_keys.run_id,
        phase_keys.row_no,
        max(decisions.line_no) as line_no,
        max(decisions.phase_key = phase_keys.phase_key_used) as is_as_used
    from phase_keys
    cross join roundings
    inner join decisions
        on
            phase_keys.session_id = decisions.session_id
            and phase_keys.run_id = decisions.run_id
            and phase_keys.key_die = decisions.die
            and phase_keys.key_plane = decisions.plane
            and cast(floor(phase_keys.propose_time_us * 1000) as signed) + roundings.ns = decisions.decision_time_ns
            and abs(phase_keys.propose_time_us - decisions.decision_time_us) < 6e-4
    where
        exists (
            select 1
            from phase_keys as proposed
            where
                proposed.session_id = phase_keys.session_id
                and proposed.run_id = phase_keys.run_id
                and proposed.key_die = phase_keys.key_die
                and proposed.key_plane = phase_keys.key_plane
                and proposed.propose_tick = phase_keys.propose_tick
                and proposed.op_name = decisions.op_name
        )
    group by phase_keys.session_id, phase_keys.run_id, phase_keys.row_no

),

proposer_log_mismatches as (

    select
        phase_keys.session_id,
        phase_keys.run_id,
        phase_keys.row_no,
        phase_keys.op_uid,
        phase_keys.op_name,
        phase_keys.key_die,
        phase_keys.key_plane,
        phase_keys.propose_time_us,
        phase_keys.phase_key_used,
        decisions.phase_key as logged_phase_key,
        decisions.line_no as logged_line_no
    from phase_keys
    inner join logged_runs
        on
            phase_keys.session_id = logged_runs.session_id
            and phase_keys.run_id = logged_runs.run_id
    left join choices
        on
            phase_keys.session_id = choices.session_id
            and phase_keys.run_id = choices.run_id
            and phase_keys.row_no = choices.row_no
    left join decisions
        on
            choices.session_id = decisions.session_id
            and choices.run_id = decisions.run_id
            and choices.line_no = decisions.line_no
    where coalesce(choices.is_as_used, 0) = 0

)

select * from proposer_log_mismatches
