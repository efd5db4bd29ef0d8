{#- Whether a landed row's load is active. A scalar subquery, not a join: on tables without statistics MariaDB would begin
    with the loads and read each of them whole for every key that is looked up. -#}
{% macro is_of_active_load(rows) -%}
    {{ return(adapter.dispatch("is_of_active_load", "afterstate")(rows)) }}
{%- endmacro %}

{#- Spark joins the two by a hash of the loads, but takes a scalar subquery for one that may return two rows. -#}
{% macro spark__is_of_active_load(rows) -%}
{{ rows }}._load_id in (select loads.load_id from {{ ref("stg_landing__loads") }} as loads where loads.is_active)
{%- endmacro %}

{% macro default__is_of_active_load(rows) -%}
(
    select loads.is_active
    from {{ ref("stg_landing__loads") }} as loads
    where loads.load_id = {{ rows }}._load_id
)
{%- endmacro %}
