"""A warehouse on Spark for the tests: a lake in a folder, and one session that builds and reads."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.bench import ROOT, missing
from tests.loaders.faults import LONG

PYTHON = ROOT / ".venv-spark" / "bin" / "python"
JARS = Path(os.environ.get("AFTERSTATE_SPARK_JARS", ROOT / ".venv-spark" / "jars"))
MODELS = ("--exclude-resource-type", "test")
FOR_FEW_ROWS = {"AFTERSTATE_SPARK_PARTITIONS": "1", "SPARK_CONF_DIR": str(ROOT / "spark" / "small")}
EXECUTORS = 2
TIMEOUT_SECONDS = 120
# Samples are short: with these, too, a plane takes many windows, each with something carried in.
NARROW = ("--vars", "{time_bucket_bits: 14, stretch_length: 4}")


def require_spark() -> None:
    """Skip a test where there is no Spark."""
    if not PYTHON.exists() or not list(JARS.glob("*.jar")):
        missing("there is no environment for Spark; `./script/setup --spark` makes it")


class Spark:
    """A session in a process of its own, with a master and executors of its own.

    `lake` is what it builds from and into; `folder` has what it says.
    """

    def __init__(self, lake: Path, folder: Path) -> None:
        require_spark()
        self.lake = lake
        self._folder = folder
        self._log = folder / "spark.log"
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, ROOT / "tests" / "spark" / "session.py"],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
                "AFTERSTATE_LAKE": str(self.lake),
                "AFTERSTATE_SPARK_CATALOG": str(self.lake / "catalog"),
                "AFTERSTATE_SPARK_CLASS_PATH": f"{JARS}/*",
                "AFTERSTATE_SPARK_MASTER": f"local-cluster[{EXECUTORS},1,1024]",
                **({} if LONG else FOR_FEW_ROWS),
                "DBT_PROFILES_DIR": str(ROOT / "spark"),
                "DBT_TARGET_PATH": str(self._folder / "target"),
                "DBT_LOG_PATH": str(self._folder / "logs"),
                "DBT_LOG_LEVEL_FILE": "none",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("a"),
            text=True,
        )

    def _ask(self, request: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()[-4000:]
        return json.loads(answer)

    def begin(self, *arguments: str) -> None:
        """Begin to run dbt; `end` is to follow."""
        self._ask({"dbt": [*arguments, *NARROW, "--quiet"]})

    def end(self) -> dict[str, str]:
        """Wait for dbt and return each node's status by its name; no node may fail."""
        done = self._answer()
        assert done["success"], (done["error"], done["messages"])
        return dict(done["statuses"])

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run dbt and return each node's status by its name; no node may fail."""
        began, used = time.monotonic(), self.cpu_seconds()
        self.begin(*arguments)
        statuses = self.end()
        seconds = f"{time.monotonic() - began:.0f} s, {self.cpu_seconds() - used:.0f} s of a processor"
        print(f"dbt {' '.join(arguments)}: {seconds}")
        return statuses

    def rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Yield a query's rows as they come; `{marts}` is the marts' schema."""
        self._ask({"query": statement.format(marts="afterstate")})
        while (row := self._answer()) is not None:
            yield tuple(row)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        return list(self.rows(statement))

    def _processes(self, main_class: str) -> list[psutil.Process]:
        """Return the session's Java processes of that class."""
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [process for process in found if any(word.endswith(main_class) for word in command_line(process))]

    def executors(self) -> list[psutil.Process]:
        """Return the processes that do the work."""
        return self._processes("CoarseGrainedExecutorBackend")

    def _places(self) -> set[Path]:
        """Return the executors' working folders, which Spark leaves behind in its own folder."""
        return {Path(process.cwd()).parent for process in self.executors()}

    def cpu_seconds(self) -> float:
        """Return what the session and its processes have taken of the processors."""
        session = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (session, *session.children(recursive=True))]
        return sum(used.user + used.system for used in times)

    def is_at_work(self) -> bool:
        """Return whether what was begun has not ended."""
        return not select.select([self._process.stdout], [], [], 0)[0]

    def commits(self, since: float, table: str = "*") -> int:
        """Return how often the warehouse's tables, or one of them, were changed since then."""
        logs = (self.lake / "warehouse").glob(f"*/{table}/_delta_log/*.json")
        return sum(changed_at(log) >= since for log in logs)

    def writes(self, table: str) -> list[dict[str, str]]:
        """Return how a table was changed, by the parameters of Delta's operations, the first one first."""
        logs = sorted((self.lake / "warehouse").glob(f"*/{table}/_delta_log/*.json"))
        actions = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
        return [action["commitInfo"]["operationParameters"] for action in actions if "commitInfo" in action]

    def wait_for_commits(self, number: int, since: float, table: str = "*") -> None:
        """Wait until the tables, or one of them, were changed that often, or what was begun has ended."""
        while self.commits(since, table) < number and self.is_at_work():
            time.sleep(0.01)

    def wait_for_executors(self) -> None:
        """Wait until the master has started another executor for one that was killed."""
        while len(self.executors()) < EXECUTORS and self.is_at_work():
            time.sleep(0.1)

    def kill_driver(self) -> None:
        """Kill the session and its Java, the driver, which leave nothing behind that works on; begin another one."""
        executors, places = self.executors(), self._places()
        for process in (*self._processes("SparkSubmit"), psutil.Process(self._process.pid)):
            process.kill()
        self._process.wait(TIMEOUT_SECONDS)
        assert not psutil.wait_procs(executors, TIMEOUT_SECONDS)[1]
        remove(places)
        self._start()

    def close(self) -> None:
        """End the session, and Java with it."""
        places = self._places()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(TIMEOUT_SECONDS)
        remove(places)


def command_line(process: psutil.Process) -> list[str]:
    """Return the words of a process's command; none when it has ended meanwhile."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def remove(folders: set[Path]) -> None:
    """Remove folders with all that is in them."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def changed_at(file: Path) -> float:
    """Return when a file was written; 0 when it is gone, as a table that was dropped."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
