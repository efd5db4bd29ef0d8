"""One way of the as-of join on Spark, a process of its own, by the Python of `.venv-spark`: JSON on stdin, JSON out.

Segments and proposals are reckoned from row numbers, without a window, and are Parquet files before the clock starts.
A first round on a few rows compiles the code. Where no SQL is given it runs the only as-of join that pyspark 4.2 has, a
private method of DataFrame behind pandas-on-Spark's `merge_asof`; there is no ASOF JOIN in its SQL.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

PLANES, HOT_SHARE = 16, 10  # of ten rows, nine are of one plane where that is asked for
TICKS = 5_200  # from one row to the next, as far apart as those of `benchmarks.landing.files`
SEGMENTS_PER_PROPOSAL = 4
CHECKED = """
select count(*), sum(segment_no),
    sum(cast(xxhash64(session_no, die, plane, load_id, row_no, cast(segment_no as bigint)) as decimal(20, 0)))
from ({query})
"""


def main() -> None:
    """Do as the order says, and print what it took."""
    order = json.load(sys.stdin)
    spark = _session(order)
    for rows in (order["warm_rows"], order["rows"]):
        _prepare(spark, Path(order["folder"]), rows, is_skewed=order["is_skewed"])
        cpu, started = _cpu_seconds(spark), time.monotonic()
        answer = _answer(spark, order["sql"])
        seconds, cpu = time.monotonic() - started, _cpu_seconds(spark) - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "answer": [str(value) for value in answer]}))


def _session(order: dict[str, Any]) -> Any:
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]

    builder = SparkSession.builder.config("spark.master", order["master"])
    for name, value in {
        "spark.driver.memory": order["memory"],
        "spark.sql.shuffle.partitions": order["partitions"],
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _prepare(spark: Any, folder: Path, rows: int, *, is_skewed: bool) -> None:
    """Make the two tables, unless another way has left them."""
    place = folder / f"{rows}-{is_skewed}"
    queries = {
        "segments": _skewed_segments(rows) if is_skewed else _even_segments(rows),
        "proposals": _proposals(rows, is_skewed=is_skewed),
    }
    for name, query in queries.items():
        if not (place / name / "_SUCCESS").exists():
            spark.sql(query).write.mode("overwrite").parquet(str(place / name))
        spark.read.parquet(str(place / name)).createOrReplaceTempView(name)


def _even_segments(rows: int) -> str:
    return f"""
    select
        1 as session_no, cast(id % {PLANES} as int) as die, 0 as plane, cast(id div {PLANES} + 1 as int) as segment_no,
        id * {TICKS} as start_tick, if(id + {PLANES} < {rows}, (id + {PLANES}) * {TICKS}, null) as next_start_tick
    from range(0, {rows})
    """


def _skewed_segments(rows: int) -> str:
    others, is_other, turn = PLANES - 1, f"id % {HOT_SHARE} = 0", HOT_SHARE * (PLANES - 1)
    following = f"if({is_other}, id + {turn}, if((id + 1) % {HOT_SHARE} = 0, id + 2, id + 1))"
    return f"""
    select
        1 as session_no, cast(if({is_other}, id div {HOT_SHARE} % {others} + 1, 0) as int) as die, 0 as plane,
        cast(if({is_other}, id div {turn} + 1, id - id div {HOT_SHARE}) as int) as segment_no,
        id * {TICKS} as start_tick, if({following} < {rows}, {following} * {TICKS}, null) as next_start_tick
    from range(0, {rows})
    """


def _proposals(rows: int, *, is_skewed: bool) -> str:
    die = f"if(id % {HOT_SHARE} > 0, 0, id div {HOT_SHARE} % {PLANES - 1} + 1)" if is_skewed else f"id % {PLANES}"
    # every second one falls on a segment's start
    tick = f"pmod(xxhash64(id), {rows}L * {TICKS})"
    return f"""
    select
        1 as session_no, cast({die} as int) as key_die, 0 as key_plane,
        if(id % 2 = 0, {tick}, {tick} div {TICKS} * {TICKS}) as propose_tick, 1L as load_id, cast(id as int) as row_no
    from range(0, {rows // SEGMENTS_PER_PROPOSAL})
    """


def _answer(spark: Any, sql: str | None) -> list[object]:
    if sql is None:
        _own(spark).createOrReplaceTempView("joined")
        sql = "select *, key_die as die, key_plane as plane from joined"
    return list(spark.sql(CHECKED.format(query=sql)).collect()[0])


def _own(spark: Any) -> Any:
    from pyspark.sql.functions import coalesce, lit  # type: ignore[import-not-found]

    left, right = spark.table("proposals"), spark.table("segments")
    pairs = (("session_no", "session_no"), ("key_die", "die"), ("key_plane", "plane"))
    same_plane = [left[here] == right[there] for here, there in pairs]
    joined = left._joinAsOf(
        right, left.propose_tick, right.start_tick, on=same_plane[0] & same_plane[1] & same_plane[2], how="left"
    )
    columns = (left[name] for name in ("session_no", "key_die", "key_plane", "load_id", "row_no"))
    return joined.select(*columns, coalesce(right.segment_no, lit(0)).alias("segment_no"))


def _cpu_seconds(spark: Any) -> float:
    """Return the CPU's seconds of Java so far."""
    status = Path(f"/proc/{spark.sparkContext._gateway.proc.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(status[11]) + int(status[12])) / 100


if __name__ == "__main__":
    main()
