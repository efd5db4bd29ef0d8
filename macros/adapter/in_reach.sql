{#- Rows to be joined to the changes of the model being built, of a relation that has the columns which its config names
    in `replace_on` and `replace_from`: a server finds them by a key. -#}
{% macro in_reach(relation) -%}
    {{ return(adapter.dispatch("in_reach", "afterstate")(relation)) }}
{%- endmacro %}

{% macro default__in_reach(relation) -%}
    {{ return(relation) }}
{%- endmacro %}

{#- Spark reads the files that may have such rows; a join alone would have it read all of them. -#}
{% macro spark__in_reach(relation) -%}
{%- if is_incremental() -%}
(select * from {{ relation }} where {{ reach_of_changes() or "false" }})
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}

{#- The segments among which an incremental build looks for those that hold at changed proposals. -#}
{% macro segments_in_reach() -%}
    {{ return(adapter.dispatch("segments_in_reach", "afterstate")()) }}
{%- endmacro %}

{% macro default__segments_in_reach() -%}
    {{ return(ref("int_phase_keys__segments")) }}
{%- endmacro %}

{#- Those from the one on that holds at the first of these proposals, by literals as above. -#}
{% macro spark__segments_in_reach() -%}
{%- set segments = ref("int_phase_keys__segments") -%}
{%- set first_times -%}
    select
        min(sessions.session_no) as least_session,
        max(sessions.session_no) as most_session,
        min(case when changes.from_row_no is null then changes.from_tick else contents.first_tick end) as from_tick
    from {{ ref("int_phase_keys__proposal_changes") }} as changes
    inner join {{ ref("int_phase_keys__sessions") }} as sessions on changes.session_id = sessions.session_id
    inner join {{ ref("stg_landing__loads") }} as loads on {{ same_key("changes", "loads", ["session_id", "run_id"]) }}
    inner join {{ ref("int_phase_keys__load_contents") }} as contents on loads.load_id = contents.load_id
    where
        changes.model = '{{ model.name }}'
        and loads.kind = 'nand_proposal_rows'
{%- endset -%}
{%- if not is_incremental() -%}
    {{ return(segments) }}
{%- endif -%}
{%- set found = run_query(first_times).rows[0] -%}
(
    select * from {{ segments }}
    where
        {%- if found["from_tick"] is none %}
        false
        {%- else %}
        session_no between {{ found["least_session"] }} and {{ found["most_session"] }}
        and (next_start_tick >= {{ found["from_tick"] }} or next_start_tick is null)
        {%- endif %}
)
{%- endmacro %}
