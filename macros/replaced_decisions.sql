{#- What int_phase_keys__decisions replaces: the rows of runs whose log was landed anew. -#}
{% macro replaced_decisions(target_relation) %}
    {{ return({
        "mark": latest_build_mark(),
        "deletes": [
            delete_changed(
                target_relation,
                changed_runs(["nand_proposer_log"], build_mark()),
                columns=["session_id", "run_id"],
            ),
        ],
    }) }}
{% endmacro %}
