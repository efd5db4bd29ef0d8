{#- Rows that are replaced, by one commit of Delta's: `insert … replace where` deletes what lies within bounds that are
    literals, and reads no file that lies outside of them. A MERGE would join the whole table to the changes, and write
    each file again that has a row of theirs. Rows within the bounds that no change concerns are kept: there are none
    where one session or run has changed. -#}
{% macro spark__replace_in_place(target_relation) %}
    {% set columns = model.columns.keys() | list %}
    {% set reach = reach_of_changes() %}
    {% if reach %}
        {% call statement("main") -%}
            insert into {{ target_relation }} replace where {{ reach }}
            select * from (
                select {{ columns | join(", ") }} from (
                    {{ spark_rows() }}
                ) as incoming
                union all
                select {{ columns | join(", ") }} from {{ target_relation }} as there
                where
                    {{ reach }}
                    and not exists (
                        select 1 from {{ ref(config.get("replace_scope")) }} as changes
                        where
                            changes.model = '{{ model.name }}'
                            and {{ same_key("there", "changes", config.get("replace_on")) }}
                            and {{ is_replaced() }}
                    )
            ) as replacing
            {{ spark_order() }}
        {%- endcall %}
    {% else %}
        {#- a load without rows has come or gone -#}
        {% call noop_statement("main", "NOTHING NEW") -%}
            -- no change concerns a row
        {%- endcall %}
    {% endif %}
    {% do refresh_comments(target_relation) %}
{% endmacro %}

{#- The bounds of what the changes of the model being built concern, over its columns; none where they concern nothing. -#}
{% macro reach_of_changes() %}
    {% set reaches = graph.setdefault("reach_of_changes", {}) %}
    {% if model.name not in reaches %}
        {% set from = config.get("replace_from") or {} %}
        {% set bounds = [] %}
        {% for column in config.get("replace_on") %}
            {% do bounds.extend(["min(" ~ column ~ ") as least_" ~ column, "max(" ~ column ~ ") as most_" ~ column]) %}
        {% endfor %}
        {% for column, first in from.items() %}
            {% do bounds.append("min(" ~ first ~ ") as from_" ~ column) %}
        {% endfor %}
        {% set scope = ref(config.get("replace_scope")) %}
        {% set found = run_query(
            "select count(*) as changes, " ~ bounds | join(", ") ~ " from " ~ scope ~ " where model = '" ~ model.name ~ "'"
        ).rows[0] %}
        {% set conditions, behind = [], [] %}
        {% for column in config.get("replace_on") %}
            {% set between = seed_literal(found["least_" ~ column]) ~ " and " ~ seed_literal(found["most_" ~ column]) %}
            {% do conditions.append(column ~ " between " ~ between) %}
        {% endfor %}
        {% for column in from if found["from_" ~ column] is not none %}
            {% do behind.append(is_from_on(column, seed_literal(found["from_" ~ column]))) %}
        {% endfor %}
        {% do conditions.append("(" ~ behind | join(" or ") ~ ")") if behind %}
        {% set is_any = found["changes"] and (behind or not from) %}
        {% do reaches.update({model.name: conditions | join(" and ") if is_any else none}) %}
    {% endif %}
    {{ return(reaches[model.name]) }}
{% endmacro %}

{#- The order of rows in a file, and of files that follow one another (`spark.sql.files.maxRecordsPerFile`): what one change
    concerns is in few of them, as their statistics tell. -#}
{% macro spark_order() -%}
{%- if config.get("incremental_strategy") == "replace" -%}
sort by {{ (config.get("replace_on") + (config.get("replace_from") or {}).keys() | list) | join(", ") }}
{%- endif -%}
{%- endmacro %}
