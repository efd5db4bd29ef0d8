"""The data directory of the private server: whose data these are, and how it is made."""

from __future__ import annotations

import os
import shutil
import subprocess

from afterstate.errors import ServerError
from afterstate.server.config import ServerPaths
from afterstate.server.log import tail
from afterstate.server.programs import APT_PACKAGES, Program, Say, install_by_apt

MARIADB_INSTALLER = "mariadb-install-db"
MARIADB_HELPERS = (MARIADB_INSTALLER, "my_print_defaults")


def data_engine(places: ServerPaths) -> str | None:
    """Return whose data these are, None when there are none; only MySQL has a tablespace of its own for `mysql`."""
    if not (places.data / "mysql").is_dir():
        return None
    return "mysql" if (places.data / "mysql.ibd").exists() else "mariadb"


def make_data(program: Program, places: ServerPaths, say: Say) -> None:
    """Make the data directory beside its place and move it there when it is whole.

    Installs MariaDB's helpers where they are missing. Raises ServerError when there can be no data directory.
    """
    if program.engine.name == "mariadb" and not all(_beside(program, name) for name in MARIADB_HELPERS):
        if not shutil.which("apt-get"):
            raise ServerError(f"{' or '.join(MARIADB_HELPERS)}, which belong to `{program.path}`, are missing")
        install_by_apt(APT_PACKAGES, say)
    draft = places.home / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    places.temporary.mkdir(exist_ok=True, mode=0o700)
    command = _initialise_command(program, f"./{draft.name}")
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=places.home,
        env={**os.environ, "TMPDIR": str(places.temporary)},
        check=False,
    )
    if done.returncode:
        raise ServerError(f"`{command[0]}` could not make a data directory: {tail(done.stderr or done.stdout)}")
    draft.replace(places.data)


def _initialise_command(program: Program, data: str) -> list[str]:
    """Return the command that makes a data directory; `data` has no blanks, at which MariaDB's installer splits."""
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    if program.engine.name == "mysql":
        return [str(program.path), "--no-defaults", "--initialize-insecure", f"--datadir={data}", *as_root]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    return [_beside(program, MARIADB_INSTALLER), "--no-defaults", f"--datadir={data}", *options, *as_root]


def _beside(program: Program, name: str) -> str:
    """Return the path of a helper program, in the server's own installation or on PATH; empty when it is missing."""
    own = program.path.resolve().parent
    return shutil.which(name, path=f"{own}{os.pathsep}{own.parent / 'bin'}") or shutil.which(name) or ""
