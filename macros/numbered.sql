{#- Rows with a small integer each, to sort and join by: a number stays with its key for good, new keys get the next ones.
    For a model that merges: it selects the rows of `found` that are new, or that differ in `others`. -#}
{% macro numbered(found, number, key, others=[]) -%}
{%- set order = found ~ "." ~ key | join(", " ~ found ~ ".") -%}
select
    {% if is_incremental() -%}
    {{ as_bigint(
        "coalesce(known." ~ number ~ ", greatest.number + row_number() over (partition by known." ~ number
        ~ " is null order by " ~ order ~ "))"
    ) }} as {{ number }},
    {%- else -%}
    {{ as_bigint("row_number() over (order by " ~ order ~ ")") }} as {{ number }},
    {%- endif %}
    {{ found }}.{{ (key + others) | join(",\n    " ~ found ~ ".") }}
from {{ found }}
{%- if is_incremental() %}
cross join (select coalesce(max({{ number }}), 0) as number from {{ this }}) as greatest
left join {{ this }} as known on {{ same_key(found, "known", key) }}
where
    known.{{ number }} is null
    {{ "or not (" ~ all_same(found, "known", others) ~ ")" if others }}
{%- endif %}
{%- endmacro %}
