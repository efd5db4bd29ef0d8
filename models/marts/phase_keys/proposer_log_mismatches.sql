-- Proposals whose used phase key is not what the proposer's own log says it chose. Empty, or a test fails.
-- Grain: one row per such proposal. Runs without a log have nothing to compare; a proposal without its hook cannot be
-- found in a log.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_proposal_rows", "nand_proposer_log"],
    replace_scope="int_phase_keys__proposal_changes",
    replace_on=["session_id", "run_id"],
    post_hook="{{ note_built_loads(upstream=['proposal_phase_keys', 'int_phase_keys__decisions']) }}",
) }}

with logs as (

    {{ loads_to_read("nand_proposer_log") | indent }}

),

proposals as (

    select
        phase_keys.*,
        logs.load_id as log_load_id,
        cast(floor(phase_keys.propose_time_us * 1000) as signed) as propose_time_ns
    from {{ changed_runs() }} as changes
    inner join logs on {{ same_key("changes", "logs", ["session_id", "run_id"]) }}
    inner join {{ ref("proposal_phase_keys") }} as phase_keys
        on {{ same_key("changes", "phase_keys", ["session_id", "run_id"]) }}

),

proposed_operations as (

    select distinct
        log_load_id,
        key_die,
        key_plane,
        propose_tick,
        op_name
    from proposals

),

-- the log's three decimals are the time's own, rounded down or up
roundings as (

    select 0 as rounded_up_ns
    union all
    select 1 as rounded_up_ns

),

-- as a table of its own (distinct), so that choices are found by equal keys whatever the statistics say of the others:
-- MariaDB otherwise reads a whole run for each choice
proposal_times as (

    select distinct
        proposals.log_load_id,
        proposals.row_no,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_tick,
        proposals.propose_time_us,
        proposals.phase_key_used,
        proposals.propose_time_ns + roundings.rounded_up_ns as logged_time_ns
    from proposals
    cross join roundings

),

-- the choices for the same plane at the same time, if what they selected was proposed there; a batch has one choice for
-- several proposals, and choosing to wait proposes nothing
choices as (

    select
        proposals.log_load_id,
        proposals.row_no,
        decisions.line_no,
        decisions.phase_key,
        decisions.phase_key = proposals.phase_key_used as is_as_used
    from proposal_times as proposals
    inner join {{ ref("int_phase_keys__decisions") }} as decisions
        on
            proposals.log_load_id = decisions.load_id
            and proposals.key_die = decisions.die
            and proposals.key_plane = decisions.plane
            and proposals.logged_time_ns = decisions.decision_time_ns
    inner join proposed_operations
        on
            proposals.log_load_id = proposed_operations.log_load_id
            and proposals.key_die = proposed_operations.key_die
            and proposals.key_plane = proposed_operations.key_plane
            and proposals.propose_tick = proposed_operations.propose_tick
            and decisions.op_name = proposed_operations.op_name
    where abs(decisions.decision_time_us - proposals.propose_time_us) < 6e-4

),

last_choices as (

    select
        log_load_id,
        row_no,
        max(line_no) as line_no,
        max(is_as_used) as is_as_used
    from choices
    group by log_load_id, row_no

),

proposer_log_mismatches as (

    select
        proposals.session_id,
        proposals.run_id,
        proposals.row_no,
        proposals.op_uid,
        proposals.op_name,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_time_us,
        proposals.phase_key_used,
        choices.phase_key as logged_phase_key,
        last_choices.line_no as logged_line_no
    from proposals
    left join last_choices on {{ same_key("proposals", "last_choices", ["log_load_id", "row_no"]) }}
    left join choices on {{ same_key("last_choices", "choices", ["log_load_id", "row_no", "line_no"]) }}
    where
        proposals.context_source = 'hook'
        and coalesce(last_choices.is_as_used, 0) = 0

)

select * from proposer_log_mismatches
