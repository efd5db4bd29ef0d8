{#- Refuse to build on leftovers. A build that was killed, or that failed, between the list of changes and what is made
    from it (scopes, numbers of sessions and states) leaves a list that they do not fit. A model that went by both would
    note loads as built that it never read. So where the list has something for the model that is not noted yet, all
    tables that lie between the two must be part of the same command; dbt skips the model where one of them fails. -#}
{% macro require_what_lies_between() %}
    {% set changes = ref("int_landing__load_changes") %}
    {% set built = ref("int_landing__built_loads") %}
    {% set left_out = tables_between("int_landing__load_changes") | reject("in", selected_resources) | list %}
    {% if not left_out %}
        {{ return("") }}
    {% endif %}
    {% set found = run_query(
        "select count(*) from " ~ changes ~ " as changes where changes.model = '" ~ model.name ~ "' and (changes.has_come"
        ~ " <> (exists (select 1 from " ~ built ~ " as built where built.model = '" ~ model.name
        ~ "' and built.load_id = changes.load_id)) or (changes.status = 'withdrawn' and changes.kind like 'core%' and not"
        ~ " exists (select 1 from " ~ built ~ " as built where built.model = '" ~ model.name
        ~ " without' and built.load_id = changes.load_id)))"
    ) %}
    {% if found.rows[0][0] %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: " ~ found.rows[0][0] ~ " loads came or went that it has not taken in, and this "
            ~ "command leaves out what tells it which rows they concern: "
            ~ left_out | map("replace", "model." ~ project_name ~ ".", "") | sort | join(", ") ~ ". Nothing was changed. "
            ~ "Run `afterstate build`, or build it with what it is made from: `--select +" ~ model.name ~ "`."
        ) }}
    {% endif %}
{% endmacro %}

{#- The tables that the model being built is made from and that are not older than another model, by their unique ids. -#}
{% macro tables_between(first) %}
    {% set first_id = "model." ~ project_name ~ "." ~ first %}
    {% set older = models_upstream(first_id) + [first_id] %}
    {% set tables = [] %}
    {% for name in models_upstream(model.unique_id) if name not in older and graph.nodes[name].config.materialized != "view" %}
        {% do tables.append(name) %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}

{#- All models that a model is made from, directly or not, by their unique ids. -#}
{% macro models_upstream(unique_id) %}
    {% set found = [] %}
    {% set todo = [unique_id] %}
    {% for _ in graph.nodes %}
        {% set parents = graph.nodes[todo.pop()].depends_on.nodes if todo else [] %}
        {% for name in parents if name.startswith("model.") and name not in found %}
            {% do found.append(name) %}
            {% do todo.append(name) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
