"""One Spark session that takes requests, a JSON object a line: `{"dbt": [...]}`, or `{"query": "select …"}`.

It runs in `.venv-spark`, so it imports nothing of the project. A session of its own for each command would spend most
of a test on starting Java and on compiling the same code again.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    """Answer each line of standard input with one of standard output, which nothing else may write to."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        answer = run_dbt(request["dbt"]) if "dbt" in request else query(request["query"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def run_dbt(arguments: list[str]) -> dict[str, Any]:
    """Run dbt; return each node's status by its name, and what it said of those that failed."""
    from dbt.cli.main import dbtRunner

    done = dbtRunner().invoke(arguments)
    results = getattr(done.result, "results", None) or []
    return {
        "success": done.success,
        "error": str(done.exception or ""),
        "statuses": {result.node.name: str(result.status) for result in results},
        "messages": {result.node.name: result.message for result in results if str(result.status) in ("error", "fail")},
        "seconds": {result.node.name: round(result.execution_time, 1) for result in results},
    }


def query(statement: str) -> list[list[Any]]:
    """Return a query's rows; a boolean is a number, as the servers have it."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]

    rows = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    found = rows.sql(statement).collect()
    return [[int(value) if isinstance(value, bool) else value for value in row] for row in found]


if __name__ == "__main__":
    main()
