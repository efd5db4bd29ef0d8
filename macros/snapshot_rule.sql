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

{#- Note by which rule the model was built, one that measures from snapshots; a post-hook. The note is a row of the table
    of built loads, without a load. -#}
{% macro note_snapshot_rule() -%}
{%- set built = ref("int_landing__built_loads") -%}
{%- if execute -%}
    {%- do adapter.dispatch("note_rule", "afterstate")(built) -%}
{%- endif -%}
{%- endmacro %}

{% macro default__note_rule(built) -%}
    {%- do run_query("delete from " ~ built ~ " where model like '" ~ model.name ~ " by %'") -%}
    {%- do run_query("insert into " ~ built ~ " (model, load_id) values ('" ~ model_by_rule() ~ "', 0)") -%}
{%- endmacro %}

{#- One commit, to partitions that no other model writes. -#}
{% macro spark__note_rule(built) -%}
    {%- call statement("note_rule") -%}
insert into {{ built }} replace where startswith(model, '{{ model.name }} by ')
select '{{ model_by_rule() }}' as model, cast(0 as bigint) as load_id
    {%- endcall -%}
{%- endmacro %}

{#- Whether the model measures from snapshots and was last built by another rule: no load has changed, but it lacks the
    rule's own snapshots. Looked up once a build. -#}
{% macro is_of_another_rule() -%}
    {%- if not config.get("measured_from_snapshots") -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set known = graph.setdefault("built_by_rule", {}) -%}
    {%- if model.name not in known -%}
        {%- set found = run_query(
            "select 1 from " ~ ref("int_landing__built_loads") ~ " where model = '" ~ model_by_rule() ~ "'"
        ) -%}
        {%- do known.update({model.name: found.rows | length > 0}) -%}
    {%- endif -%}
    {{ return(not known[model.name]) }}
{%- endmacro %}

{#- The model's name and the rule; a hash of it, since a rule's name may fill the column alone. -#}
{% macro model_by_rule() -%}
{{ return(model.name ~ " by " ~ local_md5(snapshot_rule())) }}
{%- endmacro %}
