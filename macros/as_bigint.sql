{#- A number as a BIGINT: sum(bigint) is a DECIMAL on both servers, and a contract with BIGINT would refuse it. -#}
{% macro as_bigint(number) -%}
    {{ return(adapter.dispatch("as_bigint", "afterstate")(number)) }}
{%- endmacro %}

{#- Spark has no SIGNED. -#}
{% macro spark__as_bigint(number) -%}
cast({{ number }} as bigint)
{%- endmacro %}

{#- MySQL and MariaDB cast to SIGNED what other servers call BIGINT. -#}
{% macro default__as_bigint(number) -%}
cast({{ number }} as signed)
{%- endmacro %}
