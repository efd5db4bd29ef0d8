{#- An aggregate over the choices that a proposer's log has for a proposal, or NULL when it has none: those for the same
    plane at the same time, of which the selected operation was proposed there. A batch has one choice for several
    proposals, and choosing to wait proposes nothing.

    Subqueries that look one place up by its index: as joins, MariaDB compares each proposal of a run with each choice. The
    log's three decimals are the time's own, rounded down or up, so that two moments are looked up. -#}
{% macro logged_choice(aggregate, proposal) -%}
nullif(
    greatest(
        {%- for rounded_up_ns in [0, 1] %}
        coalesce(
            (
                select {{ aggregate }}
                from {{ ref("int_phase_keys__decisions") }} as decisions
                where
                    decisions.session_id = {{ proposal }}.session_id
                    and decisions.run_id = {{ proposal }}.run_id
                    and decisions.die = {{ proposal }}.key_die
                    and decisions.plane = {{ proposal }}.key_plane
                    and decisions.decision_time_ns
                    = cast(floor({{ proposal }}.propose_time_us * 1000) as signed) + {{ rounded_up_ns }}
                    and abs(decisions.decision_time_us - {{ proposal }}.propose_time_us) < 6e-4
                    and (
                        select count(*)
                        from {{ ref("proposal_phase_keys") }} as proposed
                        where
                            proposed.session_id = {{ proposal }}.session_id
                            and proposed.key_die = {{ proposal }}.key_die
                            and proposed.key_plane = {{ proposal }}.key_plane
                            and proposed.propose_tick = {{ proposal }}.propose_tick
                            and proposed.run_id = {{ proposal }}.run_id
                            and proposed.op_name = decisions.op_name
                    ) > 0
            ),
            0
        )
        {{- "," if not loop.last }}
        {%- endfor %}
    ),
    0
)
{%- endmacro %}
