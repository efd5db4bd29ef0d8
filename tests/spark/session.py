"""One Spark session that takes requests, a JSON object a line.

`{"dbt": [...]}` is answered by a line, `{"query": "select …"}` by a line for each row and then `null`.

It runs in `.venv-spark`, so it imports nothing of the project. A session of its own for each command would spend most
of a test on starting Java and on compiling the same code again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Answer each line of standard input with one of standard output, which nothing else may write to."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        for answer in [run_dbt(request["dbt"])] if "dbt" in request else query(request["query"]):
            answers.write(json.dumps(answer) + "\n")
        answers.flush()
    session().stop()  # left to Java's end, the master would start executors until it ends itself


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
    }


def query(statement: str) -> Iterator[list[Any] | None]:
    """Yield a query's rows, then None; a boolean is a number, as the servers have it."""
    for row in session().sql(statement).toLocalIterator():
        yield [int(value) if isinstance(value, bool) else value for value in row]
    yield None


def session() -> Any:
    """Return the session that dbt has begun."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]

    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


if __name__ == "__main__":
    main()
