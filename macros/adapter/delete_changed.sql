{#- A DELETE of the rows of a table for which a relation of changes has a row: `columns` are the same in both, `condition`
    may say more about the table's own columns and `changes`. The table goes by its full name, since a server looks for an
    alias there in the default database, and dbt's connections have none. -#}
{% macro delete_changed(relation, changes, columns, condition="true") -%}
delete {{ relation }}
from {{ relation }}
inner join (
    {{ changes | indent }}
) as changes on {% for column in columns %}{{ relation }}.{{ column }} = changes.{{ column }} and {% endfor %}({{ condition }})
{%- endmacro %}
