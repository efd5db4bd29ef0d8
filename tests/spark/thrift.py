"""A Thrift server of Spark's for the tests, which other machines would build by, on a port of this one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests import programs
from tests.bench import ROOT, missing
from tests.spark.helpers import FOR_FEW_ROWS, TIMEOUT_SECONDS, require_spark

S3_JARS = ROOT / ".venv-spark" / "jars-s3"


class ThriftServer:
    """A server that runs `script/spark-server`; `lake` is in an object store."""

    def __init__(self, lake: str, folder: Path) -> None:
        require_spark()
        if not S3_JARS.exists():
            missing("Spark reaches no S3; `./script/setup --spark-s3` gets what it needs")
        port = programs.free_port()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
            **FOR_FEW_ROWS,
            "AFTERSTATE_LAKE": lake,
            "AFTERSTATE_SPARK_CATALOG": str(folder / "catalog"),
            "AFTERSTATE_SPARK_HOST": "127.0.0.1",
            "AFTERSTATE_SPARK_PORT": str(port),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
        server = [ROOT / "script" / "spark-server"]
        self._process = programs.start(server, port, self._environment, folder / "thrift.log")

    def dbt(self, *arguments: str) -> str:
        """Run `script/spark`, which must succeed, and return what it prints."""
        done = subprocess.run(
            [ROOT / "script" / "spark", "--quiet", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Return a query's rows; it may name models by `ref`."""
        answer = self.dbt("show", "--output", "json", "--inline", statement)
        return list(json.loads(answer[answer.index('{\n  "') :])["show"])

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(TIMEOUT_SECONDS)
