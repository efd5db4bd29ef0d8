{#- A table that nothing new concerns is left as it is, without a statement.

    With the strategy `replace`, what `replace_scope` says of the model is what is new; for a model that notes what it is
    built from also a load that has come or gone: one without rows changes nothing, but is noted all the same.
    Other models may name a list of changes in their config, as `only_with`: where it lists nothing, for no model, there
    is nothing for them either. A table that is such a list itself must have been empty before, too. -#}
{% macro has_nothing_new(relation) %}
    {% if relation is none or not relation.is_table or should_full_refresh() or has_other_columns(relation)
        or is_of_another_rule() %}
        {{ return(false) }}
    {% elif model.config.materialized == "incremental" and config.get("incremental_strategy") == "replace" %}
        {% set lists = [config.get("replace_scope")] + (["int_landing__load_changes"] if config.get("built_from") else []) %}
        {% for list in lists if model.name in models_listed(ref(list)) %}
            {{ return(false) }}
        {% endfor %}
        {{ return(true) }}
    {% elif not config.get("only_with") or models_listed(ref(config.get("only_with"))) %}
        {{ return(false) }}
    {% endif %}
    {{ return(model.config.materialized != "table" or not run_query("select 1 from " ~ relation ~ " limit 1").rows) }}
{% endmacro %}

{#- End a materialization that has nothing to do; dbt wants a result of it. -#}
{% macro leave_in_place(relation) %}
    {% do refresh_comments(relation) %}
    {#- Where the command leaves the list of changes as it was, loads may have landed since. -#}
    {% set is_listed = "model." ~ project_name ~ ".int_landing__load_changes" in selected_resources %}
    {% call noop_statement("main", "NOTHING NEW" if is_listed else "NOTHING NEW IN THE LAST LIST OF CHANGES") -%}
        -- nothing it is built from has changed
    {%- endcall %}
    {{ return({"relations": [relation]}) }}
{% endmacro %}
