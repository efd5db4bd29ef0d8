"""Our steps on Spark, each the command that people run, in a process of its own: `land --lake`, `script/spark run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.landing.servers import ROOT
from benchmarks.warehouse.files import SESSION
from benchmarks.warehouse.warehouse import MODELS, StepFailed


@dataclass(frozen=True)
class Settings:
    """What Spark is given."""

    master: str
    memory: str
    partitions: int

    def as_environment(self) -> dict[str, str]:
        """Return the settings as `spark/profiles.yml` reads them."""
        return {
            "AFTERSTATE_SPARK_MASTER": self.master,
            "AFTERSTATE_SPARK_MEMORY": self.memory,
            "AFTERSTATE_SPARK_PARTITIONS": str(self.partitions),
        }


class Lake:
    """A lake in a folder: landed in, built, asked."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Keep an empty folder; landing makes the lake."""
        self._folder = folder
        self._settings = settings

    def land(self, folder: Path) -> float:
        """Land a folder and return the seconds."""
        command = [sys.executable, "-m", "loaders", "land", str(folder), "--session", SESSION]
        return self._run([*command, "--lake", str(self._folder)])[0]

    def run_models(self) -> float:
        """Build the two models and all that they are built from, without tests; return the seconds."""
        return self._spark("run", *MODELS)[0]

    def stored_bytes(self) -> tuple[int, int]:
        """Return what the landed tables take, and what was built from them."""
        files = [
            [file.stat().st_size for file in (self._folder / part).rglob("*") if file.is_file()]
            for part in ("landing", "warehouse")
        ]
        return sum(files[0]), sum(files[1])

    def ask(self, query: str) -> list[object]:
        """Return the one row of a query, which may name models by `ref`."""
        answer = self._spark("--quiet", "show", "--output", "json", "--inline", query)[1]
        (row,) = json.loads(answer[answer.index('{\n  "') :])["show"]
        return list(row.values())

    def compile(self, text: str) -> str:
        """Return what dbt makes of a text; it may name macros, but no models."""
        inline = ("--no-populate-cache", "--output", "json", "--inline", text)
        answer = self._spark("--quiet", "compile", *inline)[1]
        return str(json.loads(answer[answer.index('{\n  "') :])["compiled"])

    def _spark(self, *arguments: str) -> tuple[float, str]:
        return self._run([str(ROOT / "script" / "spark"), *arguments])

    def _run(self, command: list[str]) -> tuple[float, str]:
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-3000:]
            raise StepFailed(f"`{' '.join(command[:5])}` failed: {said}")
        return seconds, done.stdout

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSTATE_", "DBT_"))}
        if jars := os.environ.get("AFTERSTATE_SPARK_JARS"):
            kept["AFTERSTATE_SPARK_JARS"] = jars
        beside = self._folder.parent
        own = {"AFTERSTATE_LAKE": self._folder, "DBT_TARGET_PATH": beside / "target", "DBT_LOG_PATH": beside / "logs"}
        return {**kept, **self._settings.as_environment(), **{name: str(value) for name, value in own.items()}}
