-- Proposals whose used phase key is not what the proposer's own log says it chose. Empty, or a test fails.
-- Grain: one row per such proposal. Runs without a log have nothing to compare; a proposal without its hook cannot be
-- found in a log.
{{ config(built_from=["nand_proposal_rows", "nand_proposer_log"]) }}

{%- set proposal = ["session_id", "run_id", "row_no"] %}
{%- set batch = ["log_load_id", "key_die", "key_plane", "propose_tick"] %}
{%- set shown = proposal + ["op_uid", "op_name", "key_die", "key_plane", "propose_time_us", "phase_key_used"] %}

with logs as (

    {{ loads_to_read("nand_proposer_log") | indent }}

),

proposals as (

    select
        logs.load_id as log_load_id,
        phase_keys.*
    from logs
    {{ join_changed_runs("logs") }}
    inner join {{ in_reach(ref("proposal_phase_keys")) }} as phase_keys
        on {{ same_key("logs", "phase_keys", ["session_id", "run_id"]) }}

),

proposed_operations as (

    select distinct {{ batch | join(", ") }}, op_name
    from proposals

),

-- The log's three decimals are the time's own, rounded down or up. A union, which no server merges into what reads it:
-- merged, MariaDB matches by part of a key and reads a whole run for each proposal
proposal_times as (

    {% for rounded_up_ns in [0, 1] -%}
    select
        proposals.{{ (proposal + batch + ["propose_time_us", "phase_key_used"]) | join(",\n        proposals.") }},
        {{ as_bigint("floor(proposals.propose_time_us * 1000)") }} + {{ rounded_up_ns }} as logged_time_ns
    from proposals
    where proposals.context_source = 'hook'
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Each proposal with the choices that it may come from: made for its plane at its time, of an operation that was
-- proposed there; choosing to wait proposes nothing. First the one that explains it, else the last one
choices as (

    select
        proposals.{{ proposal | join(",\n        proposals.") }},
        decisions.line_no,
        decisions.phase_key,
        decisions.phase_key = proposals.phase_key_used as is_used,
        row_number() over (
            partition by proposals.{{ proposal | join(", proposals.") }}
            order by decisions.phase_key = proposals.phase_key_used desc, decisions.line_no desc
        ) as choice_no
    from proposal_times as proposals
    left join proposed_operations as operations on {{ same_key("proposals", "operations", batch) }}
    left join {{ ref("int_phase_keys__decisions") }} as decisions {{ primary_key_index() }}
        on
            proposals.log_load_id = decisions.load_id
            and proposals.key_die = decisions.die
            and proposals.key_plane = decisions.plane
            and proposals.logged_time_ns = decisions.decision_time_ns
            and operations.op_name = decisions.op_name
            and abs(decisions.decision_time_us - proposals.propose_time_us) < 6e-4

),

proposer_log_mismatches as (

    select
        proposals.{{ shown | join(",\n        proposals.") }},
        choices.phase_key as logged_phase_key,
        choices.line_no as logged_line_no
    from choices
    {{ inner_join_in_order() }} {{ in_reach(ref("proposal_phase_keys")) }} as proposals {{ primary_key_index() }}
        on {{ same_key("choices", "proposals", proposal) }}
    where
        choices.choice_no = 1
        and not coalesce(choices.is_used, false)

)

select * from proposer_log_mismatches
