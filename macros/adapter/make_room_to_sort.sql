{#- Every window is a sort on both servers. With the buffers of an unfriendly server it goes to disk in small pieces:
    LEAD() over two million rows took 41 s with MariaDB's defaults and 8 s with these. They are this session's own, and
    never smaller than the server's. -#}
{% macro make_room_to_sort() -%}
    {{ return(adapter.dispatch("make_room_to_sort", "afterstate")()) }}
{%- endmacro %}

{#- MySQL keeps temporary tables in memory up to temptable_max_ram, which no session can change. -#}
{% macro default__make_room_to_sort() -%}
set session
    sort_buffer_size = cast(greatest(@@sort_buffer_size, 268435456) as signed),
    tmp_table_size = cast(greatest(@@tmp_table_size, 536870912) as signed)
{%- endmacro %}

{#- MariaDB's are Aria tables, in memory up to two limits of the session. -#}
{% macro mariadb__make_room_to_sort() -%}
set session
    sort_buffer_size = cast(greatest(@@sort_buffer_size, 268435456) as signed),
    tmp_memory_table_size = cast(greatest(@@tmp_memory_table_size, 536870912) as signed),
    max_heap_table_size = cast(greatest(@@max_heap_table_size, 536870912) as signed)
{%- endmacro %}

{#- Spark's executors have the memory that the profile gives them, and sort within it. -#}
{% macro spark__make_room_to_sort() -%}
{%- endmacro %}
