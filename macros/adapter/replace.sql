{#- Incremental models that are derived: the strategy `replace`.

    A build replaces the rows that its changes concern and leaves all others untouched. The model's SQL selects the new
    rows; its config says which rows they stand for: those that join `replace_scope`, a model with one row per change
    and a column `model`, on the columns `replace_on`, where `replace_where` holds. Deleting, inserting and the
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
delete {{ relation }}
from {{ relation }}
inner join {{ ref(config.get("replace_scope")) }} as changes
    on
        changes.model = '{{ model.name }}'
        {%- for column in config.get("replace_on") %}
        and {{ relation }}.{{ column }} = changes.{{ column }}
        {%- endfor %}
where {{ config.get("replace_where", "true") }}
{%- endmacro %}

{% macro require_replace_config() %}
    {% for name in ["replace_scope", "replace_on"] if not config.get(name) %}
        {{ exceptions.raise_compiler_error(
            "Model `" ~ model.name ~ "`: the strategy `replace` needs `" ~ name ~ "` in the model's config; "
            ~ "see macros/adapter/replace.sql"
        ) }}
    {% endfor %}
{% endmacro %}
