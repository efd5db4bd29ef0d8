"""A warehouse on Spark for the tests: a lake in a folder, and one session that builds and reads."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.bench import ROOT

PYTHON = ROOT / ".venv-spark" / "bin" / "python"
JARS = Path(os.environ.get("AFTERSTATE_SPARK_JARS", ROOT / ".venv-spark" / "jars"))
MODELS = ("--exclude-resource-type", "test")
# Samples are short: with these, too, a plane takes many windows, each with something carried in.
NARROW = ("--vars", "{time_bucket_bits: 14, stretch_block_bits: 0}")


class Spark:
    """A session in a process of its own; `lake` is what it builds from and into."""

    def __init__(self, lake: Path, folder: Path) -> None:
        self.lake = lake
        self._log = folder / "spark.log"
        self._process = subprocess.Popen(
            [PYTHON, ROOT / "tests" / "spark" / "session.py"],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
                "AFTERSTATE_LAKE": str(lake),
                "AFTERSTATE_SPARK_CATALOG": str(lake / "catalog"),
                "AFTERSTATE_SPARK_JAR_FILES": ",".join(map(str, JARS.glob("*.jar"))),
                "AFTERSTATE_SPARK_MASTER": "local[2]",
                "AFTERSTATE_SPARK_PARTITIONS": "1",
                "SPARK_CONF_DIR": str(ROOT / "spark" / "small"),
                "DBT_PROFILES_DIR": str(ROOT / "spark"),
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
                "DBT_LOG_LEVEL_FILE": "none",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("w"),
            text=True,
        )

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()[-4000:]
        return json.loads(answer)

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run dbt and return each node's status by its name; no node may fail."""
        done = self._ask({"dbt": [*arguments, *NARROW, "--quiet"]})
        assert done["success"], (done["error"], done["messages"])
        print(f"dbt {' '.join(arguments)}: {sum(done['seconds'].values()):.0f} thread-seconds")
        return dict(done["statuses"])

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        return [tuple(row) for row in self._ask({"query": statement})]

    def close(self) -> None:
        """End the session, and Java with it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
