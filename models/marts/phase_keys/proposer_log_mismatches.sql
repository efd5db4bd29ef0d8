-- Proposals whose used phase key is not what the proposer's own log says it chose. Empty, or a test fails.
-- Grain: one row per such proposal. Runs without a log have nothing to compare; a proposal without its hook cannot be
-- found in a log.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_proposal_rows", "nand_proposer_log"],
    replace_scope="int_phase_keys__proposal_changes",
    replace_on=["session_id", "run_id"],
    post_hook="{{ note_built_loads(upstream=['proposal_phase_keys', 'int_phase_keys__logged_choices']) }}",
) }}

{%- set proposal = ["session_id", "run_id", "row_no"] %}

with logs as (

    {{ loads_to_read("nand_proposer_log") | indent }}

),

choices as (

    select * from {{ ref("int_phase_keys__logged_choices") }} {{ primary_key_index() }}

),

proposals as (

    select phase_keys.*
    from {{ changed_runs() }} as changes
    inner join logs on {{ same_key("changes", "logs", ["session_id", "run_id"]) }}
    inner join {{ ref("proposal_phase_keys") }} as phase_keys
        on {{ same_key("logs", "phase_keys", ["session_id", "run_id"]) }}
    where phase_keys.context_source = 'hook'

),

-- the last choice speaks for a proposal that none of its choices explains
mismatched as (

    select
        proposals.session_id,
        proposals.run_id,
        proposals.row_no,
        max(choices.line_no) as line_no
    from proposals
    left join choices on {{ same_key("proposals", "choices", proposal) }}
    group by proposals.session_id, proposals.run_id, proposals.row_no
    having coalesce(max(choices.phase_key = proposals.phase_key_used), 0) = 0

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
        mismatched.line_no as logged_line_no
    from mismatched
    inner join {{ ref("proposal_phase_keys") }} as proposals on {{ same_key("mismatched", "proposals", proposal) }}
    left join choices on {{ same_key("mismatched", "choices", proposal + ["line_no"]) }}

)

select * from proposer_log_mismatches
