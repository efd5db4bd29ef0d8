{#- What proposer_log_mismatches replaces: the rows of runs whose proposals or whose log were landed anew. -#}
{% macro replaced_mismatches(target_relation) %}
    {{ return({
        "mark": [mark_of("proposal_phase_keys"), mark_of("int_phase_keys__decisions")] | min,
        "deletes": [
            delete_changed(
                target_relation,
                changed_runs(["nand_proposal_rows", "nand_proposer_log"], build_mark()),
                columns=["session_id", "run_id"],
            ),
        ],
    }) }}
{% endmacro %}
