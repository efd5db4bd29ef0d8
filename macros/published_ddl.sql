{#- What `afterstate publish` makes on a server: the tables that a build makes of the marts and seeds, from the same contracts,
    the views among the marts with the tables that they read, and the audit's views of loads and rejects.

    `dbt run-operation published_ddl` prints one JSON list. A table's `ddl` is what follows its name, since it is made
    beside its place first; a view's is its query. `origin` is the layer of the lake that the rows come from. On a server
    the landing tables are the loaders' own, so a publish has copies in staging, which the audit's views read. -#}
{% macro published_ddl() %}
    {% set nodes, tables, views = [], [], [] %}
    {% for node in graph.nodes.values() if is_published(node) %}
        {% do nodes.append(node) %}
    {% endfor %}
    {% for node in nodes %}{#- which views make longer -#}
        {% if node.resource_type == "seed" %}
            {% do tables.append(published_item(node, seed_ddl(node))) %}
        {% elif node.config.materialized != "view" %}
            {% do tables.append(published_item(node, contract_ddl(node))) %}
        {% else %}
            {% set view = published_item(node, render(node.raw_code)) %}
            {% for id in node.depends_on.nodes %}
                {% set read = graph.nodes.get(id) or graph.sources[id] %}
                {% set place = api.Relation.create(schema=read.schema, identifier=read.alias or read.identifier) %}
                {#- a hook's reading counts as the model's, too -#}
                {% if place | string in view.ddl %}
                    {% set item = landed_copy(read, place) if read.resource_type == "source" else read %}
                    {% do view.reads.append(item.name) %}
                    {% if read.resource_type == "source" %}
                        {% do tables.append(item) %}
                        {% do view.update({"ddl": view.ddl | replace(place | string, item.place)}) %}
                    {% elif read not in nodes %}
                        {% do nodes.append(read) %}
                    {% endif %}
                {% endif %}
            {% endfor %}
            {% do views.append(view) %}
        {% endif %}
    {% endfor %}
    {% do print(tojson(tables + views)) %}
{% endmacro %}

{#- The marts, the seeds, and those views of the audit that read the manifest alone: the others show landed rows, which stay
    in the lake. -#}
{% macro is_published(node) %}
    {% if node.package_name != project_name or node.resource_type not in ("model", "seed") %}
        {{ return(false) }}
    {% elif node.config.schema == "audit" and node.config.materialized == "view" %}
        {% for id in node.depends_on.nodes if not id.startswith("source." ~ project_name ~ ".landing.") %}
            {{ return(false) }}
        {% endfor %}
        {{ return(true) }}
    {% endif %}
    {{ return(not node.config.schema) }}
{% endmacro %}

{% macro published_item(node, ddl) %}
    {{ return({
        "name": node.name,
        "lake_name": node.name,
        "type": "view" if node.config.materialized == "view" else "table",
        "origin": node.config.schema or "marts",
        "is_seed": node.resource_type == "seed",
        "schema": node.schema,
        "identifier": node.alias,
        "place": api.Relation.create(schema=node.schema, identifier=node.alias) | string,
        "reads": [],
        "ddl": ddl | trim,
    }) }}
{% endmacro %}

{% macro landed_copy(source, place) %}
    {% set copy = layer_relation("staging", "published_" ~ source.name) %}
    {{ return({
        "name": "published_" ~ source.name,
        "lake_name": source.name,
        "type": "table",
        "origin": "landing",
        "is_seed": false,
        "schema": copy.schema,
        "identifier": copy.identifier,
        "place": copy | string,
        "reads": [],
        "ddl": "like " ~ place,
    }) }}
{% endmacro %}
