{#- The rule by which snapshots are taken, the variable `snapshot_rule_id`, as an SQL literal. It is part of every
    snapshot's key, so what cannot name a rule is refused before anything is remembered under it. -#}
{% macro snapshot_rule() -%}
{%- set rule = var("snapshot_rule_id") -%}
{%- if rule is not string or rule != rule.strip() or not 0 < rule | length <= 64 -%}
    {{ exceptions.raise_compiler_error(
        "the variable snapshot_rule_id is `" ~ rule ~ "`, expected a name of 1 to 64 characters, such as core10_02_v1"
    ) }}
{%- endif -%}
'{{ rule | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}
