-- Proposals whose used phase key is not what the proposer's own log says it chose. Empty, or a test fails.
-- Grain: one row for each such proposal. Runs without a log have nothing to compare; a proposal without its hook cannot
-- be found in a log.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    replaces="replaced_mismatches",
) }}

{%- set since = build_mark() %}

with changed_runs as (

    {{ changed_runs(["nand_proposal_rows", "nand_proposer_log"], since) | indent }}

),

logs as (

    select * from {{ ref("int_phase_keys__loads") }}
    where
        kind = 'nand_proposer_log'
        and is_current

),

proposals as (

    select phase_keys.*
    from changed_runs
    inner join logs
        on
            changed_runs.session_id = logs.session_id
            and changed_runs.run_id = logs.run_id
    inner join {{ ref("proposal_phase_keys") }} as phase_keys
        on
            changed_runs.session_id = phase_keys.session_id
            and changed_runs.run_id = phase_keys.run_id
    where phase_keys.context_source = 'hook'

),

compared as (

    select
        proposals.*,
        {{ logged_choice("max(decisions.phase_key = proposals.phase_key_used)", "proposals") | indent(8) }}
            as is_as_used
    from proposals

),

mismatches as (

    select
        compared.*,
        {{ logged_choice("max(decisions.line_no)", "compared") | indent(8) }} as logged_line_no
    from compared
    where compared.is_as_used is null

),

proposer_log_mismatches as (

    select
        mismatches.session_id,
        mismatches.run_id,
        mismatches.row_no,
        mismatches.op_uid,
        mismatches.op_name,
        mismatches.key_die,
        mismatches.key_plane,
        mismatches.propose_time_us,
        mismatches.phase_key_used,
        decisions.phase_key as logged_phase_key,
        mismatches.logged_line_no
    from mismatches
    left join {{ ref("int_phase_keys__decisions") }} as decisions
        on
            mismatches.session_id = decisions.session_id
            and mismatches.run_id = decisions.run_id
            and mismatches.logged_line_no = decisions.line_no

)

select * from proposer_log_mismatches
