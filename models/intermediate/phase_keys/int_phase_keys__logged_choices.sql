-- Which choices in its run's log a proposal may come from: those made for the same plane at the same time, of an
-- operation that was proposed there. A batch has one choice for several proposals; choosing to wait proposes nothing.
-- Grain: one row per proposal and such choice. A proposal without its hook cannot be found in a log.
{{ config(
    materialized="incremental",
    incremental_strategy="replace",
    built_from=["nand_proposal_rows", "nand_proposer_log"],
    replace_scope="int_phase_keys__proposal_changes",
    replace_on=["session_id", "run_id"],
    post_hook="{{ note_built_loads(upstream=['int_phase_keys__decisions']) }}",
) }}

with proposal_loads as (

    {{ loads_to_read("nand_proposal_rows") | indent }}

),

logs as (

    {{ loads_to_read("nand_proposer_log") | indent }}

),

proposals as (

    select
        logs.session_id,
        logs.run_id,
        logs.load_id as log_load_id,
        proposals.row_no,
        proposals.key_die,
        proposals.key_plane,
        proposals.propose_tick,
        proposals.propose_time_us,
        proposals.context_source,
        proposals.op_name
    from {{ changed_runs() }} as changes
    inner join logs on {{ same_key("changes", "logs", ["session_id", "run_id"]) }}
    inner join proposal_loads on {{ same_key("logs", "proposal_loads", ["session_id", "run_id"]) }}
    inner join {{ ref("stg_nand__proposal_rows") }} as proposals on proposal_loads.load_id = proposals.load_id

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

-- The log's three decimals are the time's own, rounded down or up. A union, which no optimizer merges, and joins in
-- order, so that choices are found by equal keys whatever the statistics say: otherwise MariaDB reads a whole run for
-- each choice, and both servers read all proposals of its operation
proposal_times as (

    {% for rounded_up_ns in [0, 1] -%}
    select
        proposals.*,
        {{ as_bigint("floor(proposals.propose_time_us * 1000)") }} + {{ rounded_up_ns }} as logged_time_ns
    from proposals
    where proposals.context_source = 'hook'
    {{- "\n    union all\n    " if not loop.last }}
    {%- endfor %}

),

int_phase_keys__logged_choices as (

    select
        proposals.session_id,
        proposals.run_id,
        proposals.row_no,
        decisions.line_no,
        decisions.phase_key
    from proposal_times as proposals
    {{ inner_join_in_order() }} proposed_operations as operations
        on {{ same_key("proposals", "operations", ["log_load_id", "key_die", "key_plane", "propose_tick"]) }}
    {{ inner_join_in_order() }} {{ ref("int_phase_keys__decisions") }} as decisions {{ primary_key_index() }}
        on
            proposals.log_load_id = decisions.load_id
            and proposals.key_die = decisions.die
            and proposals.key_plane = decisions.plane
            and proposals.logged_time_ns = decisions.decision_time_ns
            and operations.op_name = decisions.op_name
    where abs(decisions.decision_time_us - proposals.propose_time_us) < 6e-4

)

select * from int_phase_keys__logged_choices
