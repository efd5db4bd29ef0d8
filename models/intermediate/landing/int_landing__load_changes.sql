-- Which loads came or went since each incremental model was built. Grain: one row per model and load.
-- A model names the kinds that it is built from in its config, as `built_from`.
with loads as (

    select * from {{ ref("stg_landing__loads") }}

),

built_loads as (

    select * from {{ ref("int_landing__built_loads") }}

),

model_kinds as (

    {{ model_kinds() | indent }}

),

int_landing__load_changes as (

    select
        model_kinds.model,
        loads.load_id,
        loads.kind,
        loads.session_id,
        loads.run_id,
        loads.status,
        true as has_come
    from model_kinds
    inner join loads on model_kinds.kind = loads.kind
    left join built_loads
        on
            model_kinds.model = built_loads.model
            and loads.load_id = built_loads.load_id
    where
        loads.is_active
        and built_loads.load_id is null
    union all
    select
        built_loads.model,
        loads.load_id,
        loads.kind,
        loads.session_id,
        loads.run_id,
        loads.status,
        false as has_come
    from built_loads
    inner join loads on built_loads.load_id = loads.load_id
    where
        not loads.is_active
        and built_loads.model not like '% without'
    union all
    -- Core models read what holds at that moment: also a load that came behind this list, and is withdrawn by now. A
    -- load that no model has noted is therefore let go once, too (note_built_loads).
    select
        model_kinds.model,
        loads.load_id,
        loads.kind,
        loads.session_id,
        loads.run_id,
        loads.status,
        false as has_come
    from model_kinds
    inner join loads on model_kinds.kind = loads.kind
    left join built_loads
        on
            built_loads.model in (model_kinds.model, concat(model_kinds.model, ' without'))
            and loads.load_id = built_loads.load_id
    where
        loads.status = 'withdrawn'
        and loads.kind like 'core%'
        and built_loads.load_id is null

)

select * from int_landing__load_changes
