"""One way of making the tables, a process of its own: `python -m benchmarks.warehouse.contender WAY`, JSON on stdin.

Prints JSON: when its imports were done and when all was committed. Run by the Python of `.venv-benchmarks`.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.landing.contender import Reading
from benchmarks.measuring import cpu_seconds, peak_megabytes, peak_megabytes_of_children

# Each way: the module and the function that makes it ready.
WAYS = {
    "duckdb": ("duck", "prepare"),
    "pandas": ("frames", "prepare_executemany"),
    "notebook": ("frames", "prepare_multi"),
    "correlated": ("plain", "prepare_correlated"),
    "lateral": ("plain", "prepare_lateral"),
    "core_pandas": ("core_frames", "prepare_executemany"),
    "core_notebook": ("core_frames", "prepare_multi"),
}


@dataclass(frozen=True)
class Order:
    """What to make where: from the landed tables in `landing`, or from the files in `files`."""

    server: str
    port: int
    user: str
    password: str
    engine: str
    schema: str
    landing: str
    files: list[str]
    folder: str  # for what they leave behind

    def url(self, scheme: str = "mysql+pymysql") -> str:
        """Return the URL as the notebook spells it."""
        return f"{scheme}://{self.user}:{self.password}@{self.server}:{self.port}/{self.schema}"

    def connect(self) -> Any:
        """Open a connection that may send files."""
        import pymysql

        return pymysql.connect(
            host=self.server,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.schema,
            charset="utf8mb4",
            local_infile=True,
        )


def main() -> None:
    """Do as the order says, and print what it took."""
    order = Order(**json.load(sys.stdin))
    module, name = WAYS[sys.argv[1]]
    prepare: Callable[[Order], Callable[[], None]]
    prepare = getattr(importlib.import_module(f"benchmarks.warehouse.{module}"), name)
    make = prepare(order)
    ready = time.monotonic()
    make()
    committed = time.monotonic()
    peak = peak_megabytes() + peak_megabytes_of_children()
    print(json.dumps(asdict(Reading(ready, committed, cpu_seconds(), peak))))


if __name__ == "__main__":
    main()
