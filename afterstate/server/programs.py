"""Which server program to run: one that is there, else one that the system's package manager has.

Only core packages are installed: they hold programs, and start nothing by themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from afterstate.errors import ServerError
from afterstate.warehouse.engines import Engine

Say = Callable[[str], None]

NAMES = ("mariadbd", "mysqld")
# Where packages put servers that are not on an ordinary user's PATH.
ALSO_IN = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin")
# The installer of MariaDB's data directory needs a helper that Debian keeps with the client's programs.
APT_PACKAGES = ("mariadb-server-core", "mariadb-client-core")
BY_HAND = "install MariaDB 10.11 or MySQL 8.4 (the server), or name a running one in `AFTERSTATE_MYSQL_URL`"


@dataclass(frozen=True)
class Program:
    """A server program on this machine and the engine that it is."""

    path: Path
    engine: Engine


def find_program(named: Path | None = None) -> Program | None:
    """Return the program of `AFTERSTATE_SERVER_PROGRAM`, else the first supported one on PATH, else None.

    Raises ServerError when the named program, or every program found, is of no use.
    """
    if named:
        program = _inspect(named)
        program.engine.require_supported()
        return program
    path = os.pathsep.join([os.environ.get("PATH", ""), *ALSO_IN])
    found = [shutil.which(name, path=path) for name in NAMES]
    refused: ServerError | None = None
    for place in map(Path, filter(None, found)):
        try:
            program = _inspect(place)
            program.engine.require_supported()
            return program
        except ServerError as error:
            refused = error
    if refused:
        raise refused
    return None


def install_program(say: Say) -> Program:
    """Install the server's core package with apt or Homebrew and return its program.

    Raises ServerError when there is no package manager for it, it fails, or its server is too old.
    """
    if shutil.which("apt-get"):
        install_by_apt(APT_PACKAGES, say)
    elif shutil.which("brew"):
        say("installing mariadb with Homebrew")
        _run(["brew", "install", "mariadb"])
    else:
        raise ServerError("there is no database server here, and neither apt nor Homebrew to install one", BY_HAND)
    program = find_program()
    if not program:
        raise ServerError("the package was installed, but neither `mariadbd` nor `mysqld` is there", BY_HAND)
    return program


def install_by_apt(packages: Sequence[str], say: Say) -> None:
    """Install Debian packages, taking nothing away; raises ServerError when that cannot be done."""
    say(f"installing {' and '.join(packages)} (nothing in them starts by itself)")
    root = [] if os.geteuid() == 0 else ["sudo"]
    if root and not shutil.which("sudo"):
        raise ServerError("installing a database server needs root, and there is no sudo here", BY_HAND)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--no-install-recommends", "--no-remove", *packages])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ServerError(f"`{' '.join(command)}` failed: {' / '.join(lines)}", BY_HAND)


def _inspect(path: Path) -> Program:
    try:
        done = subprocess.run(
            [str(path), "--no-defaults", "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(f"`{path}` does not run as a database server: {error}", BY_HAND) from error
    said, _, version = done.stdout.partition(" Ver ")
    if not version:
        raise ServerError(
            f"`{path}` is not a database server; asked for its version, it says `{said.strip()}`", BY_HAND
        )
    return Program(path, Engine.from_version(version))
