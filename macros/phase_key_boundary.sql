{#- Which boundary the counts use (design section 5): the variable `phase_key_boundary`. -#}
{% macro phase_key_boundary() -%}
{%- set boundary = var("phase_key_boundary") -%}
{%- if boundary not in ["covering", "before"] -%}
    {{ exceptions.raise_compiler_error(
        "the variable phase_key_boundary is `" ~ boundary ~ "`, expected `covering` or `before`"
    ) }}
{%- endif -%}
{{ boundary }}
{%- endmacro %}
