{#- Incremental models that are derived: the strategy `replace`.

    A build replaces the rows that its changes concern and leaves all others untouched. The model's SQL selects the new
    rows; its config says which rows they stand for: those that join `replace_scope`, a model with one row per change
    and a column `model`, on the columns `replace_on`. `replace_from` names columns, each with the column of the change that
    says from which value on rows are replaced; a NULL comes after all values. Where it names several, one is enough.
    `replace_tail` says that the primary key's last column numbers the rows, and that those from some row on to the last
    one are replaced (first_numbers): only these rows are read then. Deleting, inserting and the
    post-hooks are one transaction: readers see the old rows or the new ones, and a build that dies is simply repeated.

    dbt-mysql's own `delete+insert` deletes only rows whose key comes again, so that rows without a successor stay. -#}
{% macro replace_in_place(target_relation) %}
    {% do adapter.dispatch("replace_in_place", "afterstate")(target_relation) %}
{% endmacro %}

{% macro default__replace_in_place(target_relation) %}
    {% do refresh_comments(target_relation) %}
    {% set incoming_relation = fill_incoming(target_relation) %}
    {% do adapter.commit() %}
    {% call statement("delete_replaced") -%}
        {{ delete_replaced_sql(target_relation) }}
    {%- endcall %}
    {% call statement("main") -%}
        insert into {{ target_relation }} ({{ written_columns() | join(", ") }})
        select {{ written_columns() | join(", ") }} from {{ incoming_relation }}
    {%- endcall %}
    {% call statement("drop_incoming") -%}
        drop temporary table {{ incoming_relation }}
    {%- endcall %}
{% endmacro %}

{#- The table goes by its full name: a server looks for an alias in the default database, and dbt's connections have none. -#}
{% macro delete_replaced_sql(relation) -%}
{%- set changes -%}
(select * from {{ ref(config.get("replace_scope")) }} where model = '{{ model.name }}')
{%- endset -%}
delete {{ relation }}
{%- if config.get("replace_tail") %}
{%- set key = primary_key() %}
from (
    {{ first_numbers(
        relation, key[:-1], key[-1], changes, config.get("replace_on"), is_replaced()
    ) | indent }}
) as changed
{{ join_from_number("changed", relation, key[:-1], key[-1], "changed.first_no") }}
{%- else %}
from {{ relation }}
inner join {{ changes }} as changes on {{ same_key(relation, "changes", config.get("replace_on")) }}
where {{ is_replaced() }}
{%- endif %}
{%- endmacro %}

{#- Whether a change concerns a row that it agrees with in `replace_on`. -#}
{% macro is_replaced() -%}
{%- set conditions = [] -%}
{%- for column, first in (config.get("replace_from") or {}).items() -%}
    {%- do conditions.append(is_from_on(column, first)) -%}
{%- endfor -%}
{{ "(" ~ conditions | join(" or ") ~ ")" if conditions else "true" }}
{%- endmacro %}

{#- Whether a column has that value or a later one: NULL comes last, as the start of the segment after the last one does. -#}
{% macro is_from_on(column, first) -%}
{%- set constraints = model.columns[column].constraints | map(attribute="type") | map("string") | join(" ") -%}
{{ column }} >= {{ first }}{{ " or " ~ column ~ " is null" if "not_null" not in constraints }}
{%- endmacro %}

{% macro require_replace_config() %}
    {% for name in ["replace_scope", "replace_on"] if not config.get(name) %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: the strategy `replace` needs `" ~ name ~ "` in the model's config; "
            ~ "see macros/adapter/replace.sql"
        ) }}
    {% endfor %}
{% endmacro %}
