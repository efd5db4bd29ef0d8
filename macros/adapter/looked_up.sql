{#- What every model of a build wants to know, looked up once a build. It is kept in dbt's `graph`, the one place that all
    models of an invocation share; threads that ask at the same moment look twice and find the same. -#}

{#- The columns that a table of the project had when the build first asked: type and comment by name, in their order. -#}
{% macro columns_there(relation) %}
    {{ return(adapter.dispatch("columns_there", "afterstate")(relation)) }}
{% endmacro %}

{#- Spark's catalogs have no information_schema; a table describes itself, and the types that its contract declared. -#}
{% macro spark__columns_there(relation) %}
    {% set tables = graph.setdefault("columns_there", {}).setdefault(relation.schema, {}) %}
    {% if relation.identifier not in tables %}
        {% set columns = {} %}
        {% set property = run_query("show tblproperties " ~ relation ~ " ('" ~ types_property() ~ "')").rows[0][1] %}
        {% set declared = fromjson(property, {}) %}
        {% for column, type, comment in run_query("describe table " ~ relation).rows if not column.startswith("#") %}
            {% do columns.setdefault(column, {"type": declared.get(column, type), "comment": comment}) if column %}
        {% endfor %}
        {% do tables.update({relation.identifier: columns}) %}
    {% endif %}
    {{ return(tables[relation.identifier]) }}
{% endmacro %}

{% macro default__columns_there(relation) %}
    {% set schemas = graph.setdefault("columns_there", {}) %}
    {% if relation.schema not in schemas %}
        {% set names = graph.nodes.values() | selectattr("schema", "equalto", relation.schema) | map(attribute="alias") %}
        {% set found = run_query(
            "select table_name, column_name, column_type, column_comment from information_schema.columns "
            ~ "where table_schema = '" ~ relation.schema ~ "' and table_name in ('" ~ names | join("', '") ~ "') "
            ~ "order by table_name, ordinal_position"
        ) %}
        {% set tables = {} %}
        {% for table, column, type, comment in found.rows %}
            {% do tables.setdefault(table, {}).update({column: {"type": type, "comment": comment}}) %}
        {% endfor %}
        {% do schemas.update({relation.schema: tables}) %}
    {% endif %}
    {{ return(schemas[relation.schema].get(relation.identifier, {})) }}
{% endmacro %}

{#- Look a table's columns up again: a hook or the build itself has changed them. -#}
{% macro forget_columns(relation) %}
    {% do graph.setdefault("columns_there", {}).pop(relation.schema, none) %}
{% endmacro %}

{#- The models that a list of changes names, a relation with a column `model`. -#}
{% macro models_listed(changes) %}
    {% set lists = graph.setdefault("models_listed", {}) %}
    {% set place = changes | string %}
    {% if place not in lists %}
        {% set found = run_query("select distinct model from " ~ place) %}
        {% do lists.update({place: found.columns[0].values() | list}) %}
    {% endif %}
    {{ return(lists[place]) }}
{% endmacro %}
