{#- How fresh a source is. Landed rows do not say when they came; their load does. So `loaded_at_field: finished_at` means,
    of a table of landed rows, the end of the last load of its kind; of the manifest it is a column as any other. -#}
{% macro mysql__collect_freshness(source, loaded_at_field, filter) %}
    {% set loads = layer_relation("landing", "landing_loads") %}
    {% if loaded_at_field != "finished_at" or source.schema != loads.schema %}
        {{ return(default__collect_freshness(source, loaded_at_field, filter)) }}
    {% endif %}
    {% set kind = source.identifier[layer_prefix("landing") | length:] %}
    {% call statement("collect_freshness", fetch_result=True, auto_begin=False) -%}
        select
            max({{ loaded_at_field }}) as max_loaded_at,
            {{ current_timestamp() }} as snapshotted_at
        from {{ loads }}
        {% if source.identifier != loads.identifier -%}
        where kind = '{{ kind }}'
        {%- endif %}
    {%- endcall %}
    {{ return(load_result("collect_freshness")) }}
{% endmacro %}

{% macro mariadb__collect_freshness(source, loaded_at_field, filter) %}
    {{ return(mysql__collect_freshness(source, loaded_at_field, filter)) }}
{% endmacro %}
