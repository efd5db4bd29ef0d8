{#- What proposer_log_mismatches replaces: the rows of runs whose proposals or whose log were landed anew. -#}
{% macro replaced_mismatches(target_relation) %}
    {{ return({
        "mark": latest_build_mark(),
        "deletes": [
            delete_changed(
                target_relation,
                changed_runs(["nand_proposal_rows", "nand_proposer_log"], build_mark()),
                columns=["session_id", "run_id"],
            ),
        ],
    }) }}
{% endmacro %}
