{#- A model's hooks, with what they write made to last: what follows the build's own commit would be rolled back when the
    connection is given back. Hooks with `transaction: false` run outside of the build's transaction, as dbt has it. -#}

{% macro begin_with(hooks) %}
    {{ run_hooks(hooks, inside_transaction=false) }}
    {{ run_hooks(hooks, inside_transaction=true) }}
{% endmacro %}

{% macro end_with(hooks) %}
    {{ run_hooks(hooks, inside_transaction=true) }}
    {% do commit_hooks() %}
    {% if hooks | selectattr("transaction", "equalto", false) | list %}
        {{ run_hooks(hooks, inside_transaction=false) }}
        {% do commit_hooks() %}
    {% endif %}
{% endmacro %}

{% macro commit_hooks() %}
    {% do adapter.dispatch("commit_hooks", "afterstate")() %}
{% endmacro %}

{% macro default__commit_hooks() %}
    {% do run_query("commit") %}
{% endmacro %}

{#- Each statement is a commit of its own. -#}
{% macro spark__commit_hooks() %}
{% endmacro %}
