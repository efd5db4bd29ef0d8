{#- What op_state_spans replaces: of a changed timeline, all spans whose next one starts at the change or later. That is
    all from the change on, and of each plane the last one before it, whose neighbour may be another now. -#}
{% macro replaced_spans(target_relation) %}
    {{ return({
        "mark": latest_build_mark(),
        "deletes": [
            delete_changed(
                target_relation,
                changed_timelines(build_mark()),
                columns=["session_id"],
                condition="next_start_tick >= from_tick or next_start_tick is null",
            ),
        ],
    }) }}
{% endmacro %}
