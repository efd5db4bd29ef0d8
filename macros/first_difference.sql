{#- Where each changed load first differs from the load that it restates, or that restates it: the least `first_of` of its
    rows that the other does not have under the same row number. A file that grew differs in its new rows alone. Loads
    without another one to compare, or with a pruned one, are left out. `rows` has one row per landed row. -#}
{% macro first_difference(changes, rows, columns, first_of) -%}
    {{ return(adapter.dispatch("first_difference", "afterstate")(changes, rows, columns, first_of)) }}
{%- endmacro %}

{% macro default__first_difference(changes, rows, columns, first_of) -%}
select
    pairs.load_id,
    min(changed.{{ first_of }}) as first_difference
from (
    {{ compared_loads(changes) | indent }}
) as pairs
left join {{ rows }} as changed
    on
        pairs.load_id = changed.load_id
        and not exists (
            select 1
            from {{ rows }} as same
            where
                same.load_id = pairs.other_load_id
                and same.row_no = changed.row_no
                and {{ all_same("same", "changed", columns) }}
        )
group by pairs.load_id
{%- endmacro %}

{#- Spark joins on no subquery; a row number is in a load once, so that a join finds the same. -#}
{% macro spark__first_difference(changes, rows, columns, first_of) -%}
select
    pairs.load_id,
    min(case when same.load_id is null then changed.{{ first_of }} end) as first_difference
from (
    {{ compared_loads(changes) | indent }}
) as pairs
left join {{ rows }} as changed on pairs.load_id = changed.load_id
left join {{ rows }} as same
    on
        same.load_id = pairs.other_load_id
        and same.row_no = changed.row_no
        and {{ all_same("same", "changed", columns) }}
group by pairs.load_id
{%- endmacro %}

{% macro compared_loads(changes) -%}
select distinct
    changed.load_id,
    other.load_id as other_load_id
from {{ changes }} as changed
inner join {{ changes }} as other
    on {{ same_key("changed", "other", ["model", "kind", "session_id", "run_id"]) }}
where
    changed.has_come <> other.has_come
    and changed.status <> 'pruned'
    and other.status <> 'pruned'
{%- endmacro %}
