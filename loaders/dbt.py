"""dbt, run as people run it: the same command, with the profile and the project of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import MutableMapping, Sequence

from loaders.profile import known_schemas
from loaders.settings import Settings


def dbt_command(settings: Settings, command: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command line for a dbt command, such as `build` or `docs generate`."""
    line = [sys.executable, "-m", "dbt_afterstate", *command.split()]
    line += ["--project-dir", str(settings.root), "--profiles-dir", str(settings.profiles_path.parent)]
    schemas = known_schemas(settings) if settings.schema else None
    if schemas and not {"--target", "-t"} & set(arguments):
        line += ["--target", schemas.target]
    return [*line, *arguments]


def set_places(settings: Settings, environment: MutableMapping[str, str]) -> None:
    """Let dbt find the profile of a moved home, and keep its own output there, unless the environment says otherwise.

    Several warehouses can so be built from one checkout at a time, and plain `dbt` finds the one of AFTERSTATE_HOME.
    """
    if settings.home != settings.root / ".afterstate":
        environment.setdefault("DBT_PROFILES_DIR", str(settings.profiles_path.parent))
        environment.setdefault("DBT_TARGET_PATH", str(settings.home / "target"))
        environment.setdefault("DBT_LOG_PATH", str(settings.home / "logs"))


def run_dbt(settings: Settings, command: str, arguments: Sequence[str] = (), *, quiet: bool = False) -> int:
    """Run a dbt command in the foreground and return its exit code."""
    environment = dict(os.environ)
    set_places(settings, environment)
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(
        dbt_command(settings, command, arguments), env=environment, cwd=settings.root, stdout=output, check=False
    )
    return done.returncode
