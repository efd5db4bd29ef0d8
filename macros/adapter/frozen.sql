{#- Columns that are written once: what is frozen is frozen by the server.

    A model's config says `frozen_by`: for each guard, a column that is NULL until its part of the row is there, the
    columns that it freezes. Two things keep them.

    The merging statement itself takes an incoming value only where the guard is NULL at that moment. What the model's
    select saw does not count: between it and the write, another build may have frozen the row.

    Triggers refuse a changed value or a deleted row from anybody else, an administrator's UPDATE by hand too. A session
    that really means it, such as `afterstate retake`, says `set @afterstate_unfreeze = 1`. To freeze 100,000 rows
    takes 0.8 s more with them on MariaDB, 0.6 s on MySQL. They are made where the account may: a server with a binary log
    lets only administrators make triggers (MySQL manual, "Stored Program Binary Logging"), and there the merging
    statement stands alone. A trigger runs with its maker's rights, so one whose maker is another account is made again:
    that account may be gone some day. -#}

{#- What to assign when a row is there already. Guards come last: both servers assign from left to right, and what is
    assigned after a guard would find it set. -#}
{% macro merge_assignments(target_relation, columns) %}
    {% set frozen_by = config.get("frozen_by", {}) %}
    {% set guard_of = {} %}
    {% for guard, frozen in frozen_by.items() %}
        {% for column in frozen %}
            {% do guard_of.update({column: guard}) %}
        {% endfor %}
    {% endfor %}
    {% set assignments = [] %}
    {% for column in columns if column not in frozen_by %}
        {% set there, incoming = target_relation ~ "." ~ column, "incoming." ~ column %}
        {% if column in guard_of %}
            {% set guard = target_relation ~ "." ~ guard_of[column] %}
            {% set incoming = "if(" ~ guard ~ " is null, " ~ incoming ~ ", " ~ there ~ ")" %}
        {% endif %}
        {% do assignments.append(column ~ " = " ~ incoming) %}
    {% endfor %}
    {% for guard in frozen_by %}
        {% do assignments.append(guard ~ " = coalesce(" ~ target_relation ~ "." ~ guard ~ ", incoming." ~ guard ~ ")") %}
    {% endfor %}
    {{ return(assignments) }}
{% endmacro %}

{% macro require_frozen_by_config() %}
    {% set known = written_columns() | reject("in", config.get("unique_key")) | list %}
    {% for guard, frozen in config.get("frozen_by", {}).items() %}
        {% for column in [guard] + frozen if column not in known %}
            {{ exceptions.raise_compiler_error(
                "Model `" ~ model.name ~ "`: frozen_by names `" ~ column ~ "`, expected some of: " ~ known | join(", ")
            ) }}
        {% endfor %}
    {% endfor %}
{% endmacro %}

{#- Make the triggers that are missing, or that were made for other columns or by another account. They are DDL, which
    ends a transaction, so a build calls this when its rows are committed. -#}
{% macro guard_frozen(relation) %}
    {% do adapter.dispatch("guard_frozen", "afterstate")(relation) %}
{% endmacro %}

{#- Spark has no triggers: the merging statement stands alone. -#}
{% macro spark__guard_frozen(relation) %}
{% endmacro %}

{% macro default__guard_frozen(relation) %}
    {% if not config.get("frozen_by") or not may_make_triggers(relation) %}
        {{ return("") }}
    {% endif %}
    {% set wanted = {} %}
    {% for event, body in {"update": refuse_changes(), "delete": refuse_deletion()}.items() %}
        {% do wanted.update({
            relation.identifier[:40] ~ "_" ~ event ~ "_" ~ local_md5(body)[:8]: [event, body]
        }) %}
    {% endfor %}
    {% set found = run_query(
        "select trigger_name, definer = current_user() from information_schema.triggers where event_object_schema = '"
        ~ relation.schema ~ "' and event_object_table = '" ~ relation.identifier ~ "'"
    ) %}
    {% set kept = [] %}
    {% for name, is_own in found.rows %}
        {% if name in wanted and is_own %}
            {% do kept.append(name) %}
        {% else %}
            {% do run_query("drop trigger if exists " ~ api.Relation.create(schema=relation.schema, identifier=name)) %}
        {% endif %}
    {% endfor %}
    {% for name, trigger in wanted.items() if name not in kept %}
        {% do run_query(
            "create trigger " ~ api.Relation.create(schema=relation.schema, identifier=name) ~ " before " ~ trigger[0]
            ~ " on " ~ relation ~ " for each row " ~ trigger[1]
        ) %}
    {% endfor %}
{% endmacro %}

{#- The body of the trigger that refuses another value for a column that is frozen, and another key. -#}
{% macro refuse_changes() -%}
begin
    if @afterstate_unfreeze is null and not (
        {%- for column in config.get("merge_exclude_columns", []) + config.get("unique_key") %}
        new.{{ column }} <=> old.{{ column }} and
        {%- endfor %}
        {%- for guard, frozen in config.get("frozen_by").items() %}
        (old.{{ guard }} is null or (
            {%- for column in [guard] + frozen %}
            new.{{ column }} <=> old.{{ column }}{{ " and" if not loop.last }}
            {%- endfor %}
        )){{ " and" if not loop.last }}
        {%- endfor %}
    ) then
        signal sqlstate '45000' set message_text = '{{ model.name }}: what is frozen never changes; see `afterstate retake`';
    end if;
end
{%- endmacro %}

{% macro refuse_deletion() -%}
begin
    if @afterstate_unfreeze is null then
        signal sqlstate '45000' set message_text = '{{ model.name }}: what is remembered is never deleted; see `afterstate retake`';
    end if;
end
{%- endmacro %}

{#- Whether this account may make triggers there; a right that it has by a role does not count. -#}
{% macro may_make_triggers(relation) %}
    {% set mine = "grantee = concat('''', replace(current_user(), '@', '''@'''), '''') and privilege_type = 'TRIGGER'" %}
    {% set found = run_query(
        "select (not @@global.log_bin or @@global.log_bin_trust_function_creators or exists ("
        ~ "select 1 from information_schema.user_privileges where " ~ mine.replace("'TRIGGER'", "'SUPER'")
        ~ ")) and (exists (select 1 from information_schema.user_privileges where " ~ mine ~ ") "
        ~ "or exists (select 1 from information_schema.schema_privileges where " ~ mine
        ~ " and '" ~ relation.schema ~ "' like table_schema))"
    ) %}
    {{ return(found.rows[0][0] | int == 1) }}
{% endmacro %}
