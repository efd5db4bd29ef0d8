"""dbt, run as people run it: the same command, with the profile and the project of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from loaders.settings import Settings


def dbt_command(settings: Settings, command: str, arguments: Sequence[str] = ()) -> list[str]:
    """Give the command line for a dbt command, such as `build` or `docs generate`."""
    line = [sys.executable, "-m", "dbt_afterstate", *command.split()]
    line += ["--project-dir", str(settings.root), "--profiles-dir", str(settings.profiles_path.parent)]
    if settings.schema and not {"--target", "-t"} & set(arguments):
        line += ["--target", settings.schema]
    return [*line, *arguments]


def run_dbt(settings: Settings, command: str, arguments: Sequence[str] = (), *, quiet: bool = False) -> int:
    """Run a dbt command in the foreground and give its exit code.

    A moved home keeps dbt's own output with it, so that several warehouses can be built from one checkout at a time.
    """
    environment = dict(os.environ)
    if settings.home != settings.root / ".afterstate":
        environment.setdefault("DBT_TARGET_PATH", str(settings.home / "target"))
        environment.setdefault("DBT_LOG_PATH", str(settings.home / "logs"))
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        environment.setdefault("DBT_USE_COLORS", "False")
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(
        dbt_command(settings, command, arguments), env=environment, cwd=settings.root, stdout=output, check=False
    )
    return done.returncode
