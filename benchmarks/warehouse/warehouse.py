"""Our own steps, each the command that people run, in a process of its own: land, `dbt run`, `afterstate build`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from afterstate.errors import AfterstateError
from afterstate.warehouse.dbt import dbt_command
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.up import bring_up
from benchmarks.landing.servers import ROOT, Server
from benchmarks.warehouse.counting import Count, counted
from benchmarks.warehouse.files import SESSION

MODELS = ("--select", "+op_state_spans", "+proposal_phase_keys")


class StepFailed(AfterstateError):
    """A step ended with an error, or its tables are not those of the others."""


@dataclass(frozen=True)
class Run:
    """What one step took, from the start of its process to its end or its commit."""

    seconds: float
    rows_written: int
    spills: int
    spilled_megabytes: float | None
    queries: int

    @classmethod
    def of(cls, seconds: float, count: Count) -> Run:
        """Put the clock's figure to the server's."""
        return cls(seconds, **asdict(count))


class Warehouse:
    """The warehouse of a server: emptied, landed in, built."""

    def __init__(self, server: Server) -> None:
        """Keep the server, which has a warehouse already."""
        self._server = server
        program = server.private.process()
        self._settings = Settings(
            ROOT, server.home, server.home / "profiles.yml", None, None, Path(program.exe()) if program else None
        )

    def warm_up(self) -> None:
        """Make dbt parse the project once, as it does after a change of it only."""
        self._run(dbt_command(self._settings, "parse"))

    def empty(self) -> None:
        """Begin again, as after `afterstate up`."""
        self._drop(*self._server.schemas.all())

    def forget_builds(self) -> None:
        """Drop what was built; what landed stays."""
        schemas = self._server.schemas
        self._drop(schemas.marts, schemas.staging, schemas.audit)

    def land(self, folder: Path) -> Run:
        """Land a folder; a session that goes on in another folder has to be named."""
        options = ("--session", SESSION) if folder.name == SESSION else ()
        return self._run([sys.executable, "-m", "loaders", "land", str(folder), *options])

    def run_models(self) -> Run:
        """Build the two models and all that they are built from, without tests."""
        return self._run(dbt_command(self._settings, "run", MODELS))

    def build(self) -> Run:
        """Build everything, with the tests of a daily build."""
        return self._run([sys.executable, "-m", "loaders", "build"])

    def _drop(self, *schemas: str) -> None:
        self._server.ask(*(f"drop database if exists `{schema}`" for schema in schemas))
        bring_up(self._settings, _quiet)
        self._server._settle()

    def _run(self, command: list[str]) -> Run:
        with counted(self._server) as count:
            started = time.monotonic()
            done = subprocess.run(
                command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False
            )
            seconds = time.monotonic() - started
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-3000:]
            raise StepFailed(f"`{' '.join(command[2:5])}` failed: {said}")
        return Run.of(seconds, count)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSTATE_", "DBT_"))}
        home = self._server.home
        own = {"DBT_TARGET_PATH": home / "target", "DBT_LOG_PATH": home / "logs", "AFTERSTATE_HOME": home}
        return {**kept, **{name: str(value) for name, value in own.items()}}


def _quiet(_: str) -> None:
    pass
