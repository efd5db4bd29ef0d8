{#- The two parts of `<BASE>.<STATE>`. A state is one word, so the last of several dots parts them. -#}
{% macro op_base(op_state) -%}
left({{ op_state }}, char_length({{ op_state }}) - char_length({{ state_name(op_state) }}) - 1)
{%- endmacro %}

{% macro state_name(op_state) -%}
substring_index({{ op_state }}, '.', -1)
{%- endmacro %}
