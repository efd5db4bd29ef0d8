{#- The DDL of a table from its model's contract: types, constraints, and each description as a comment, which is what
    BI tools show. dbt-mysql 1.7 writes comments with an ALTER that it does not have, and fails after the swap. -#}

{#- `node` is the model being built, or one of the graph. -#}
{% macro contract_ddl(node=model) %}
(
    {%- for column in node.columns.values() %}
    {{ contract_column(column) }}{{ "," if not loop.last or node.constraints }}
    {%- endfor %}
    {%- for constraint in adapter.render_raw_model_constraints(raw_constraints=node.constraints) %}
    {{ constraint }}{{ "," if not loop.last }}
    {%- endfor %}
) character set utf8mb4 collate {{ exact_collation() }} comment {{ sql_text(node.description, 2048) }}
{% endmacro %}

{% macro contract_column(column) -%}
{%- set rendered = adapter.render_raw_columns_constraints(raw_columns={column.name: column}) -%}
{{ rendered[0] }} comment {{ sql_text(column.description, 1024) }}
{%- endmacro %}

{#- A text as a literal: one line, quotes and backslashes doubled, cut to the server's limit for comments. -#}
{% macro sql_text(text, limit) -%}
{%- set line = (text or "").split() | join(" ") | truncate(limit, killwords=true, end="…", leeway=0) -%}
'{{ line | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}

{% macro create_contract_table(relation, temporary=false) -%}
create {{ "temporary " if temporary }}table {{ relation }} {{ contract_ddl() }}
{%- endmacro %}

{% macro fill_contract_table(relation, sql, columns, unique_key=none) -%}
insert into {{ relation }} ({{ columns | join(", ") }})
select {{ columns | join(", ") }} from (
{{ sql }}
) as incoming
{% if unique_key -%}
-- numbers are given out in the order of the key, so that both servers give the same ones
order by {{ unique_key | join(", ") }}
{%- endif %}
{%- endmacro %}

{#- What a build's session needs. An INSERT ... SELECT locks what it reads unless it reads committed rows, and landing
    would have to wait for the build. A transaction keeps the level that it began with: one of look-ups ends here. -#}
{% macro begin_build() %}
    {% set statement = adapter.dispatch("begin_build", "afterstate")() | trim %}
    {% if statement %}
        {% do run_query("commit") %}
        {% do run_query(statement) %}
    {% endif %}
{% endmacro %}

{#- A statement reads each table as it is when the statement begins, without locks. -#}
{% macro spark__begin_build() %}
{% endmacro %}

{% macro default__begin_build() -%}
set session transaction isolation level read committed
{%- endmacro %}

{#- MariaDB would group a joined subquery again for each row that it is joined to ("LATERAL DERIVED") where it takes the
    other side for small, as it does a table that was just filled: 125,000 proposals were not through in ten minutes. -#}
{% macro mariadb__begin_build() -%}
set session tx_isolation = 'READ-COMMITTED', optimizer_switch = 'split_materialized=off'
{%- endmacro %}

{#- The columns of the contract's primary key. -#}
{% macro primary_key() %}
    {% for constraint in model.constraints if constraint.type == "primary_key" %}
        {{ return(constraint.columns) }}
    {% endfor %}
{% endmacro %}

{#- The columns that a build writes: all but those that the table gives out itself. -#}
{% macro written_columns() %}
    {{ return(model.columns.keys() | reject("in", config.get("merge_exclude_columns", [])) | list) }}
{% endmacro %}

{% macro require_contract() %}
    {% if not config.get("contract").enforced %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: a table is made from its contract, with its types, keys and comments; "
            ~ "set `contract: {enforced: true}` and describe its columns"
        ) }}
    {% endif %}
    {% if config.get("grants") %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: `grants` are not used here; `afterstate up` gives each account its schemas"
        ) }}
    {% endif %}
{% endmacro %}

{#- Make the comments of a table that stays in place say what the contract says; the server does it at once. -#}
{% macro refresh_comments(relation) %}
    {% set there = columns_there(relation) %}
    {% for column in model.columns.values() %}
        {% set written = sql_text(column.description, 1024) %}
        {% if sql_text(there.get(column.name, {}).comment, 1024) != written %}
            {% do run_query("alter table " ~ relation ~ " " ~ comment_change(column)) %}
        {% endif %}
    {% endfor %}
{% endmacro %}

{% macro comment_change(column) -%}
    {{ return(adapter.dispatch("comment_change", "afterstate")(column)) }}
{%- endmacro %}

{#- Both servers write a comment with the column's whole definition. -#}
{% macro default__comment_change(column) -%}
modify column {{ contract_column(column) }}
{%- endmacro %}

{% macro spark__comment_change(column) -%}
alter column {{ column.name }} comment {{ sql_text(column.description, 1024) }}
{%- endmacro %}

{#- Refuse a model whose columns are not those of its contract. -#}
{% macro assert_contract(sql) %}
    {% do adapter.dispatch("assert_contract", "afterstate")(sql) %}
{% endmacro %}

{% macro default__assert_contract(sql) %}
    {% do get_assert_columns_equivalent(sql) %}
{% endmacro %}

{#- The write itself refuses what a column's type does not take, and a NULL where there must be none; dbt's comparison
    would have Spark analyse each model twice, which takes longer than to fill a small table. -#}
{% macro spark__assert_contract(sql) %}
{% endmacro %}
