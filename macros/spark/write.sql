{#- Tables of Delta's, written as the contract says. Each table changes with one commit: its readers see the rows from
    before or those from after, and a build that dies between two tables is repeated.

    `id` in the memory: Delta has no keys that it gives out one by one, so the write numbers new rows on from the
    greatest number, in the order of the unique key. Of two builds side by side, Delta refuses the second commit of two that
    change the same rows; a build is to run alone all the same. -#}

{#- What a contract's types are called. -#}
{% macro spark_type(declared) %}
    {% set type = declared | lower | trim %}
    {{ return({"datetime(6)": "timestamp", "longtext": "string", "text": "string", "integer": "int"}.get(type, type)) }}
{% endmacro %}

{% macro spark_contract_ddl() %}
(
    {%- for column in model.columns.values() %}
    {%- set constraints = column.constraints | map(attribute="type") | map("string") | list %}
    {{ column.name }} {{ spark_type(column.data_type) }}
        {{- " not null" if "not_null" in constraints | join(" ") or "primary_key" in constraints | join(" ") }} comment {{ sql_text(column.description, 1024) }}
        {{- "," if not loop.last }}
    {%- endfor %}
) using delta
{%- if config.get("partition_by") %} partitioned by ({{ config.get("partition_by") | join(", ") }}){% endif %}
comment {{ sql_text(model.description, 2048) }}
tblproperties ('{{ types_property() }}' = '{{ tojson(spark_types()) }}')
{% endmacro %}

{#- Where a table keeps the types that its contract declared: Delta shows each VARCHAR as STRING. -#}
{% macro types_property() -%}
afterstate.types
{%- endmacro %}

{% macro spark_types() %}
    {% set types = {} %}
    {% for column in model.columns.values() %}
        {% do types.update({column.name: spark_type(column.data_type)}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

{#- The model's rows with the columns that the table gives out. `there` is the table, if it has rows to number on from. -#}
{% macro spark_rows(there=none) %}
{%- set given = given_out_column() -%}
select
    {%- for column in model.columns.values() %}
    {% if column.name == given -%}
    {{ "greatest.number + " if there }}row_number() over (
        {{- "partition by there." ~ given ~ " is null " if there }}order by incoming.{{ config.get("unique_key") | join(", incoming.") -}}
    ) as {{ column.name }}
    {%- elif column.name in config.get("merge_exclude_columns", []) -%}
    cast(null as {{ spark_type(column.data_type) }}) as {{ column.name }}
    {%- else -%}
    incoming.{{ column.name }}
    {%- endif -%}
    {{ "," if not loop.last }}
    {%- endfor %}
from (
{{ sql }}
) as incoming
{%- if there and given %}
cross join (select coalesce(max({{ given }}), 0) as number from {{ there }}) as greatest
left join {{ there }} as there on {{ same_key("incoming", "there", config.get("unique_key")) }}
{%- endif %}
{% endmacro %}

{#- The column that the contract declares as numbered by the table; none without one. -#}
{% macro given_out_column() %}
    {% for column in model.columns.values() %}
        {% for constraint in column.constraints if constraint.expression == "auto_increment" %}
            {{ return(column.name) }}
        {% endfor %}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}

{#- Fill a table as a whole. -#}
{% macro spark__build_beside(target_relation, existing_relation) %}
    {% set is_there = existing_relation is not none and existing_relation.is_table %}
    {% if existing_relation is not none and existing_relation.is_view %}
        {% do adapter.drop_relation(existing_relation) %}
    {% endif %}
    {% if not is_there or has_other_columns(existing_relation) %}
        {#- This commits an empty table: a build that dies before its rows come must not find it noted as built. -#}
        {% do forget_built_loads() %}
        {% call statement("create_table") -%}
            create or replace table {{ target_relation }} {{ spark_contract_ddl() }}
        {%- endcall %}
        {% do forget_columns(target_relation) %}
    {% else %}
        {% do refresh_comments(existing_relation) %}
    {% endif %}
    {% call statement("main") -%}
        insert {{ "overwrite" if is_there else "into" }} {{ target_relation }}
        {{ spark_rows() }}
        {{ spark_order() }}
    {%- endcall %}
{% endmacro %}

{#- Insert the rows whose key is new, and update the others in what is not frozen. -#}
{% macro spark__merge(target_relation) %}
    {% set key = config.get("unique_key") %}
    {% set columns = model.columns.keys() | list %}
    {% call statement("main") -%}
        merge into {{ target_relation }} as there
        using (
            {{ spark_rows(target_relation) }}
        ) as incoming
        on {{ same_key("there", "incoming", key) }}
        {%- set changed = written_columns() | reject("in", key) | list %}
        {%- if changed %}
        when matched then update set
            {{ merge_assignments("there", changed) | join(",\n            ") }}
        {%- endif %}
        when not matched then insert ({{ columns | join(", ") }}) values (incoming.{{ columns | join(", incoming.") }})
    {%- endcall %}
    {% do refresh_comments(target_relation) %}
{% endmacro %}
