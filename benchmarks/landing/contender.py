"""One landing in a process of its own: `python -m benchmarks.landing.contender NAME`, what to do as JSON on stdin.

Prints JSON: when its imports were done and when its rows were committed, by the clock that all processes share, and
what it took of memory and CPU until then. Run by the product's Python, or by that of `.venv-benchmarks` for what only
is there.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import cpu_seconds, peak_megabytes, peak_megabytes_of_children

Land = Callable[[], None]


@dataclass(frozen=True)
class Order:
    """What to land where; `statements` are for those who run SQL of their own."""

    file: str
    server: str
    port: int
    user: str
    password: str
    schema: str
    table: str
    statements: list[str]
    folder: str  # for what they leave behind

    @property
    def url(self) -> str:
        """The URL as the notebook serializes it."""
        return f"mysql+pymysql://{self.user}:{self.password}@{self.server}:{self.port}/{self.schema}"


@dataclass(frozen=True)
class Reading:
    """Clock readings of `time.monotonic`, which on Linux and macOS counts alike in all processes, and what was used."""

    ready: float
    committed: float
    cpu_seconds: float
    peak_megabytes: float


def afterstate(order: Order) -> Land:
    """Run `afterstate land FILE --json`, as the command does."""
    from afterstate.cli.main import main

    def land() -> None:
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                main(["land", order.file, "--json"], standalone_mode=False)
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"`afterstate land` ended with {ended.code}: {said.getvalue()}") from ended

    return land


def load_data(order: Order) -> Land:
    """Run LOAD DATA LOCAL INFILE with PyMySQL, which sends the file as it is."""
    import pymysql

    def land() -> None:
        connection = pymysql.connect(
            host=order.server,
            port=order.port,
            user=order.user,
            password=order.password,
            database=order.schema,
            charset="utf8mb4",
            local_infile=True,
        )
        with connection, connection.cursor() as cursor:
            for statement in order.statements:
                cursor.execute(statement)
            connection.commit()

    return land


def to_sql_multi(order: Order) -> Land:
    """Read the CSV and insert it as the notebook does."""
    return _to_sql(order, method="multi", chunksize=2000)


def to_sql_executemany(order: Order) -> Land:
    """Read the CSV and insert it as pandas does when nobody tells it how."""
    return _to_sql(order)


def _to_sql(order: Order, **options: Any) -> Land:
    import pandas as pd
    import sqlalchemy

    def land() -> None:
        engine = sqlalchemy.create_engine(order.url, pool_pre_ping=True)
        pd.read_csv(order.file).to_sql(order.table, con=engine, if_exists="append", index=False, **options)

    return land


def dlt(order: Order) -> Land:
    """Run a dlt pipeline that hands Arrow tables on as Parquet, into a table that dlt makes."""
    import dlt
    import dlt.destinations
    import pyarrow as pa
    import pyarrow.csv
    import sqlalchemy  # noqa: F401 (dlt imports it when it begins to load)

    def read() -> Any:
        with pyarrow.csv.open_csv(order.file) as batches:
            for batch in batches:
                yield pa.Table.from_batches([batch])

    def land() -> None:
        pipeline = dlt.pipeline(
            "landing",
            destination=dlt.destinations.sqlalchemy(order.url),
            dataset_name=order.schema,
            pipelines_dir=order.folder,
        )
        resource = dlt.resource(read, name=order.table, write_disposition="append")
        pipeline.run(resource(), loader_file_format="parquet").raise_on_failed_jobs()

    return land


CONTENDERS = {
    "afterstate": afterstate,
    "load_data": load_data,
    "to_sql_multi": to_sql_multi,
    "to_sql_executemany": to_sql_executemany,
    "dlt": dlt,
}


def main() -> None:
    """Do as the order says, and print what it took."""
    order = Order(**json.load(sys.stdin))
    Path(order.folder).mkdir(parents=True, exist_ok=True)
    land = CONTENDERS[sys.argv[1]](order)
    ready = time.monotonic()
    land()
    committed = time.monotonic()
    peak = peak_megabytes() + peak_megabytes_of_children()
    print(json.dumps(asdict(Reading(ready, committed, cpu_seconds(), peak))))


if __name__ == "__main__":
    main()
