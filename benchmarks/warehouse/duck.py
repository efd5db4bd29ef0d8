"""connectorx reads what landed, DuckDB's windows and ASOF join make both tables, LOAD DATA LOCAL puts them back.

The loads are read side by side, and the segments go back while proposals are still being joined.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import connectorx
import duckdb

from benchmarks.warehouse.contender import Order

LOADS = """
select load_id, kind, session_id, run_id, row_number() over (
    partition by kind, session_id order by char_length(run_id), run_id
) as run_order
from {landing}.landing_loads where status = 'landed' and kind in ('nand_op_state_timeline', 'nand_proposal_rows')
"""
COLUMNS = {
    "nand_op_state_timeline": "_load_id, _row_no, die, plane, op_state, `start`, `end`",
    "nand_proposal_rows": "_load_id, _row_no, op_uid, op_name, op_base, die, plane, phase_hook_die, phase_hook_plane, "
    "phase_key, phase_key_time, start_us",
}
# A cast to an integer goes half-way to the even one, as ticks do.
DICTIONARIES = """
create table sessions as
select row_number() over (order by session_id) as session_no, session_id from (select distinct session_id from loads);
create table runs as
select row_number() over (order by session_id, run_id) as run_no, session_id, run_id, max(load_id) as load_id
from loads where kind = 'nand_op_state_timeline' group by session_id, run_id;
create table states as
select
    row_number() over (order by op_state) as state_no, op_state,
    regexp_replace(op_state, '[.][^.]*$', '') as op_base, regexp_extract(op_state, '[^.]*$') as state
from (select distinct op_state from nand_op_state_timeline);
"""
SEGMENTS = """
create table segments as
with versions as (
    select
        session_no, die, plane, state_no, run_no, run_order, _row_no as row_no,
        cast("start" / 0.01 as bigint) as start_tick, cast("end" / 0.01 as bigint) as end_tick
    from nand_op_state_timeline
    join loads on _load_id = loads.load_id
    join sessions using (session_id)
    join runs using (session_id, run_id)
    join states using (op_state)
    qualify row_number() over (
        partition by session_no, die, plane, start_tick, state_no order by run_order desc, row_no desc
    ) = 1
)
select
    session_no, die, plane, row_number() over timeline as segment_no, state_no, run_no, row_no, start_tick, end_tick,
    lag(state_no) over timeline as previous_state_no, lag(end_tick) over timeline as previous_end_tick,
    lead(start_tick) over timeline as next_start_tick
from versions
window timeline as (partition by session_no, die, plane order by start_tick, run_order, row_no)
"""
KEYS = """
create table phase_keys as
with proposals as (
    select
        session_no, loads.session_id, run_id, _row_no as row_no, op_uid, op_name, op_base,
        case when phase_hook_die is null or phase_hook_plane is null then die else phase_hook_die end as key_die,
        case when phase_hook_die is null or phase_hook_plane is null then plane else phase_hook_plane end as key_plane,
        cast(coalesce(phase_key_time, start_us) / 0.01 as bigint) as propose_tick,
        coalesce(phase_key_time, start_us) as propose_time_us,
        case
            when phase_hook_die is null or phase_hook_plane is null then 'operation' else 'hook'
        end as context_source,
        coalesce(phase_key, 'DEFAULT') as phase_key_used
    from nand_proposal_rows join loads on _load_id = loads.load_id join sessions using (session_id)
),
last_started as (
    select * from segments where next_start_tick is null or next_start_tick > start_tick
)
select
    session_id, run_id, p.row_no, op_uid, op_name, p.op_base, key_die, key_plane, propose_tick, propose_time_us,
    context_source, phase_key_used,
    case
        when s.segment_no is null then 'DEFAULT'
        when propose_tick >= s.end_tick then states.op_base || '.END'
        else states.op_state
    end as phase_key_covering,
    case
        when s.segment_no is null then 'DEFAULT'
        when propose_tick >= s.end_tick then states.op_base || '.END'
        when s.previous_end_tick <= propose_tick and (states.state = 'ISSUE' or s.start_tick = propose_tick)
            then previous.op_base || '.END'
        when states.state = 'ISSUE' then 'DEFAULT'
        else states.op_state
    end as phase_key_before,
    s.segment_no, case when propose_tick < s.end_tick then states.op_state end as op_state
from proposals p
asof left join last_started s
    on p.session_no = s.session_no and p.key_die = s.die and p.key_plane = s.plane and p.propose_tick >= s.start_tick
left join states on s.state_no = states.state_no
left join states as previous on s.previous_state_no = previous.state_no
order by session_id, run_id, row_no
"""
TARGETS = {
    "sessions": "int_phase_keys__sessions",
    "runs": "int_phase_keys__runs",
    "states": "int_phase_keys__states",
    "segments": "int_phase_keys__segments",
    "phase_keys": "proposal_phase_keys",
}
# A key's order is the fastest to load.
WRITTEN = {"segments": "select * from segments order by session_no, die, plane, segment_no"}


def prepare(order: Order) -> Callable[[], None]:
    """Return the way."""

    def make() -> None:
        memory = duckdb.connect(config={"temp_directory": order.folder})
        # its estimate of the proposals is too low: their join would be a loop in a loop
        memory.execute("set asof_loop_join_threshold = 0")
        _read(order, memory)
        memory.execute(DICTIONARIES)
        with ThreadPoolExecutor(2) as pool:
            memory.execute(SEGMENTS)
            written = [_write(order, memory, table) for table in ("sessions", "runs", "states", "segments")]
            loads = [pool.submit(_load, order, table, file) for table, file in written]
            memory.execute(KEYS)
            loads.append(pool.submit(_load, order, *_write(order, memory, "phase_keys")))
            for load in loads:
                load.result()

    return make


def _read(order: Order, memory: duckdb.DuckDBPyConnection) -> None:
    """Read the landed tables, each load by a connection of its own."""
    url = order.url("mysql")
    loads = connectorx.read_sql(url, LOADS.format(landing=order.landing), return_type="arrow")
    memory.register("landed_loads", loads)
    memory.execute("create table loads as select * from landed_loads")
    for kind, columns in COLUMNS.items():
        ids = [
            load_id
            for load_id, of in zip(loads["load_id"].to_pylist(), loads["kind"].to_pylist(), strict=True)
            if of == kind
        ]
        queries = [f"select {columns} from {order.landing}.{kind} where _load_id = {load_id}" for load_id in ids]
        memory.register(kind, connectorx.read_sql(url, queries, return_type="arrow"))


def _write(order: Order, memory: duckdb.DuckDBPyConnection, table: str) -> tuple[str, Path]:
    """Write a table as LOAD DATA takes it by default."""
    file = Path(order.folder) / f"{table}.tsv"
    what = WRITTEN.get(table, f"select * from {table}")
    memory.execute(f"copy ({what}) to '{file}' (header false, delimiter '\t', nullstr '\\N', quote '')")
    return table, file


def _load(order: Order, table: str, file: Path) -> None:
    with order.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"load data local infile '{file}' into table {TARGETS[table]} character set utf8mb4")
        connection.commit()
