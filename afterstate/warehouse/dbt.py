"""dbt, run as people run it: the same command, with the profile and the project of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import IO, NoReturn

from afterstate.errors import AfterstateError
from afterstate.warehouse.profile import known_schemas, read_warehouse
from afterstate.warehouse.settings import Settings

# Set for a dbt that must not wait for another build.
NO_WAIT_VARIABLE = "AFTERSTATE_NO_WAIT"
# Set for a dbt that only says something: it needs no lock.
SAYS_VARIABLE = "AFTERSTATE_SAYS"
# What a dbt that people started through Afterstate says when all went well.
NEXT_VARIABLE = "AFTERSTATE_NEXT"
AFTER_A_BUILD = "`afterstate report --out report.html` draws it, `afterstate export --help` writes files"
SHOWN_LINES = 30  # of a build that failed, in a notebook


def dbt_command(settings: Settings, command: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command line for a dbt command, such as `build` or `docs generate`."""
    line = [sys.executable, "-m", "dbt_afterstate", *command.split()]
    line += ["--project-dir", str(settings.root), "--profiles-dir", str(settings.profiles_path.parent)]
    schemas = known_schemas(settings) if settings.schema else None
    if schemas and not {"--target", "-t"} & set(arguments):
        line += ["--target", schemas.target]
    return [*line, *arguments]


def run_dbt(settings: Settings, command: str, arguments: Sequence[str] = (), *, quiet: bool = False) -> int:
    """Run a dbt command in the foreground and return its exit code."""
    output = subprocess.DEVNULL if quiet else None
    line = dbt_command(settings, command, arguments)
    return subprocess.run(line, env=_environment(settings), cwd=settings.root, stdout=output, check=False).returncode


def start_dbt(settings: Settings, command: str, arguments: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a dbt command that signals from the terminal do not reach; all that it prints goes to `output`."""
    return subprocess.Popen(
        dbt_command(settings, command, arguments),
        env={**_environment(settings), "DBT_USE_COLORS": "False"},
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def build(*arguments: str) -> None:
    """Run `dbt build` as `afterstate build` does, for a notebook; `arguments` go to dbt, as `"--select", "tag:core"`.

    What dbt says is not shown. Raises AfterstateError with the end of it when a model or a test failed, UsageError when
    there is no warehouse yet.
    """
    settings = Settings.from_environment()
    read_warehouse(settings)
    said = _run(settings, "build", ["--quiet", *arguments], stderr=subprocess.STDOUT)
    if said.returncode:
        raise _failed("the build", said.stdout)


def dbt_output(settings: Settings, command: str, arguments: Sequence[str]) -> str:
    """Return what a dbt command prints that changes nothing, and so waits for no build.

    Raises AfterstateError with the end of it when it fails.
    """
    said = _run(settings, command, arguments, also={SAYS_VARIABLE: "yes"})
    if said.returncode:
        raise _failed(f"`dbt {command}`", said.stdout + said.stderr)
    return said.stdout


def _run(
    settings: Settings,
    command: str,
    arguments: Sequence[str],
    stderr: int = subprocess.PIPE,
    also: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        dbt_command(settings, command, arguments),
        env={**_environment(settings), **also},
        cwd=settings.root,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        check=False,
    )


def _failed(what: str, said: str) -> AfterstateError:
    last = "\n".join(said.strip().splitlines()[-SHOWN_LINES:])
    return AfterstateError(f"{what} failed:\n{last}", "`afterstate doctor` finds what is wrong with the server")


def become_dbt(settings: Settings, command: str, arguments: Sequence[str] = (), *, waits: bool = True) -> NoReturn:
    """Replace this process by a dbt command, so that signals reach it; `waits`: wait for another build to end."""
    environment = _environment(settings)
    if not waits:
        environment[NO_WAIT_VARIABLE] = "yes"
    if not {"--quiet", "-q"} & set(arguments):
        environment[NEXT_VARIABLE] = AFTER_A_BUILD
    line = dbt_command(settings, command, arguments)
    sys.stdout.flush()
    os.chdir(settings.root)
    os.execve(line[0], line, environment)  # noqa: S606 (no shell is meant)


def set_defaults(settings: Settings, environment: MutableMapping[str, str]) -> None:
    """Point dbt to the profile of a moved home, and its output there, unless the environment says otherwise.

    Several warehouses can so be built from one checkout at a time, and plain `dbt` finds the one of AFTERSTATE_HOME.
    Its log has what the screen shows: with each statement, a build with nothing new takes about a tenth longer.
    """
    environment.setdefault("DBT_LOG_LEVEL_FILE", "info")
    if settings.home != settings.root / ".afterstate":
        environment.setdefault("DBT_PROFILES_DIR", str(settings.profiles_path.parent))
        environment.setdefault("DBT_TARGET_PATH", str(settings.home / "target"))
        environment.setdefault("DBT_LOG_PATH", str(settings.home / "logs"))


def _environment(settings: Settings) -> dict[str, str]:
    environment = dict(os.environ)
    set_defaults(settings, environment)
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        environment.setdefault("DBT_USE_COLORS", "False")
    return environment
