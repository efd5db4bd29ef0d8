{#- What proposal_phase_keys replaces: the rows of runs whose proposals were landed anew, and of a changed timeline those
    that ask for a time at the change or later. -#}
{% macro replaced_phase_keys(target_relation) %}
    {% set since = build_mark() %}
    {{ return({
        "mark": mark_of("op_state_spans"),
        "deletes": [
            delete_changed(
                target_relation,
                changed_runs(["nand_proposal_rows"], since),
                columns=["session_id", "run_id"],
            ),
            delete_changed(
                target_relation,
                changed_timelines(since),
                columns=["session_id"],
                condition="propose_tick >= from_tick",
            ),
        ],
    }) }}
{% endmacro %}
