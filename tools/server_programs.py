"""The server program of each engine, for tests, benchmarks and tools: one that is there, else one that is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from afterstate.errors import ServerError
from afterstate.server.programs import ALSO_IN, find_program, install_program

FETCH_MYSQL = Path(__file__).resolve().parents[1] / "script" / "fetch-mysql"


def server_program(engine: str) -> Path:
    """Return a server program of an engine, `mariadb` or `mysql`, fetching or installing it where it is missing.

    Raises ServerError where this machine cannot have it.
    """
    if engine == "mysql":
        fetched = subprocess.run([FETCH_MYSQL], capture_output=True, text=True, check=False)
        if fetched.returncode:
            raise ServerError(fetched.stderr.strip(), "leave MySQL out: `--server mariadb`, `--engines mariadb`")
        return Path(fetched.stdout.strip())
    place = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", ""), *ALSO_IN]))
    program = find_program(Path(place)) if place else install_program(print)
    if program is None or program.engine.name != "mariadb":
        raise ServerError("there is no `mariadbd` here", "leave MariaDB out: `--server mysql`, `--engines mysql`")
    return program.path
