"""Start, stop and look at the private server.

One at a time works here (a lock sees to it), a server that runs already is left alone, and one that was killed is
started again over its data. The admin's password is given to the server at every start, from a file that only its
owner can read, so it never stands in a command line, and a lost password file mends itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

from loaders.connect import connect
from loaders.engines import Engine
from loaders.errors import ServerError
from loaders.profile import Connection, write_private
from loaders.server.config import Places, memory_bytes, option_file
from loaders.server.programs import APT_PACKAGES, Program, Say, find_program, install_by_apt, install_program
from loaders.settings import Settings

ADMIN = "root"
FIRST_PORT, PORTS = 33060, 200
SOCKET_PATH_BYTES = 100
START_SECONDS, STOP_SECONDS = 120, 120
START_ATTEMPTS = 5
MARIADB_INSTALLER = "mariadb-install-db"
MARIADB_HELPERS = (MARIADB_INSTALLER, "my_print_defaults")


class PrivateServer:
    """The private server of one `.afterstate` folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.places = Places(settings.home, _run_folder(settings.home))
        self._state_file = settings.home / "server.yml"

    def start(self, say: Say) -> Connection:
        """Make sure that the server runs, and give the admin's connection.

        Installs and initialises what is missing. Raises ServerError when it cannot run here.
        """
        with self._alone():
            running = self.process()
            if running and self._ready(running):
                return self._admin()
            program = self._program(say)
            if not (self.places.data / "mysql").is_dir():
                say(f"initialising a private {program.engine.title}")
                self._initialise(program, say)
            self._start(program, say)
            return self._admin()

    def stop(self) -> bool:
        """Stop the server and wait for its end; False when it did not run."""
        with self._alone():
            process = self.process()
            if not process:
                return False
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                raise ServerError(
                    f"the server (process {process.pid}) did not stop within {STOP_SECONDS} s",
                    f"it may still be writing; look at `{self.places.log}`",
                ) from None
            return True

    def process(self) -> psutil.Process | None:
        """Give the running server's process, None when there is none.

        A process id outlives its process and comes back as another's: ours was started with our option file.
        """
        try:
            process = psutil.Process(int(self.places.pid.read_text()))
            return process if f"--defaults-file={self.places.options}" in process.cmdline() else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    @property
    def port(self) -> int | None:
        """The port that the server listens on, or last did; None before its first start."""
        port = self._state().get("port")
        return int(str(port)) if port else None

    def exists(self) -> bool:
        """Tell whether a private server was ever made here."""
        return self._state_file.exists()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.places.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.places.home / "server.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _program(self, say: Say) -> Program:
        """Give the program that the data belongs to: one engine cannot read the other's files."""
        made_with = self._state().get("engine")
        program = find_program(self._settings.server_program) or install_program(say)
        if made_with and program.engine.name != made_with and (self.places.data / "mysql").is_dir():
            raise ServerError(
                f"the data in `{self.places.data}` were made by {made_with}, but `{program.path}` is "
                f"{program.engine.title}",
                "name the former in `AFTERSTATE_SERVER_PROGRAM`, or another folder in `AFTERSTATE_HOME`",
            )
        return program

    def _initialise(self, program: Program, say: Say) -> None:
        """Make the data directory beside its place and move it there when it is whole."""
        if program.engine.name == "mariadb" and not all(_beside(program, name) for name in MARIADB_HELPERS):
            if not shutil.which("apt-get"):
                raise ServerError(f"{' or '.join(MARIADB_HELPERS)}, which belong to `{program.path}`, are missing")
            install_by_apt(APT_PACKAGES, say)
        draft = self.places.home / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        command = _initialise_command(program, draft)
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise ServerError(f"`{command[0]}` could not make a data directory: {_tail(done.stderr or done.stdout)}")
        draft.replace(self.places.data)

    def _start(self, program: Program, say: Say) -> None:
        for _ in range(START_ATTEMPTS):
            port = _free_port(self.port)
            self._write_files(program.engine, port)
            say(f"starting {program.engine.title} on 127.0.0.1:{port}")
            if self._spawn(program):
                self._forget_start_file()
                return
            if not self._port_was_taken():
                break
        raise ServerError(
            f"{program.engine.title} did not start: {_tail(_read_log(self.places.log))}", f"see `{self.places.log}`"
        )

    def _write_files(self, engine: Engine, port: int) -> None:
        self.places.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.places.run.stat().st_uid != os.getuid():
            raise ServerError(f"`{self.places.run}` belongs to somebody else", "remove it, or set another `TMPDIR`")
        password = str(self._state().get("password") or secrets.token_urlsafe(24))
        state = {"engine": engine.name, "port": port, "user": ADMIN, "password": password}
        write_private(self._state_file, yaml.safe_dump(state, sort_keys=False))
        write_private(self.places.options, option_file(engine, self.places, port, memory_bytes()))
        write_private(self._start_file, _start_statements(engine, password))
        self.places.log.unlink(missing_ok=True)
        self.places.pid.unlink(missing_ok=True)

    @property
    def _start_file(self) -> Path:
        return self.places.home / "start.sql"

    def _forget_start_file(self) -> None:
        self._start_file.unlink(missing_ok=True)

    def _spawn(self, program: Program) -> bool:
        """Start the program in the background; False when it ended instead of answering."""
        command = [str(program.path), f"--defaults-file={self.places.options}", f"--init-file={self._start_file}"]
        if os.geteuid() == 0:
            command.append("--user=root")  # it refuses root unless told so; it then owns what root's checkout holds
        with Path(os.devnull).open("r+b") as nothing:
            child = subprocess.Popen(
                command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, cwd=self.places.home
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and child.poll() is None:
            process = self.process()
            if process and self._answers():
                return True
            time.sleep(0.1)
        return False

    def _ready(self, process: psutil.Process) -> bool:
        """Wait for a server that somebody else has just started; False when it ended."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.is_running():
            if self._answers():
                return True
            time.sleep(0.1)
        return False

    def _answers(self) -> bool:
        try:
            connect(self._admin()).close()
        except ServerError:
            return False
        return True

    def _port_was_taken(self) -> bool:
        text = _read_log(self.places.log)
        return "Bind on TCP/IP port" in text or "Address already in use" in text

    def _state(self) -> dict[str, object]:
        if not self._state_file.exists():
            return {}
        return dict(yaml.safe_load(self._state_file.read_text(encoding="utf-8")) or {})

    def _admin(self) -> Connection:
        state = self._state()
        return Connection(
            type=str(state["engine"]),
            server="127.0.0.1",
            port=int(str(state["port"])),
            schema="",
            username=str(state["user"]),
            password=str(state["password"]),
        )


def _initialise_command(program: Program, data: Path) -> list[str]:
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    if program.engine.name == "mysql":
        return [str(program.path), "--no-defaults", "--initialize-insecure", f"--datadir={data}", *as_root]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    return [_beside(program, MARIADB_INSTALLER), "--no-defaults", f"--datadir={data}", *options, *as_root]


def _beside(program: Program, name: str) -> str:
    """Give the path of a helper program, on PATH or in the server's own installation; empty when it is missing."""
    own = program.path.resolve().parent
    return shutil.which(name) or shutil.which(name, path=f"{own}{os.pathsep}{own.parent / 'bin'}") or ""


def _start_statements(engine: Engine, password: str) -> str:
    """Give the statements that the server runs before it listens: one admin, with a password, and nobody else."""
    strangers = {
        # MariaDB's installer makes nameless accounts, and root's for several hosts, without passwords.
        "mariadb": "delete from mysql.global_priv where user = '' or (user = 'root' and host <> 'localhost');\n"
        "flush privileges;\n",
        "mysql": "",
    }[engine.name]
    return f"{strangers}alter user 'root'@'localhost' identified by '{password}';\n"


def _run_folder(home: Path) -> Path:
    """Give the folder for the socket; a long home cannot hold one, so it then goes to the system's temporary folder."""
    inside = home / "run"
    if len(os.fsencode(inside / "server.sock")) <= SOCKET_PATH_BYTES:
        return inside
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"afterstate-{os.getuid()}-{mark}"


def _free_port(wanted: int | None) -> int:
    """Give the port that was used last, so that BI tools keep their settings, else the next free one."""
    for port in ([wanted] if wanted else []) + list(range(FIRST_PORT, FIRST_PORT + PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerError(f"no port is free from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}")


def _read_log(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _tail(text: str) -> str:
    """Give the few lines of a program's output that say why it ended."""
    lines = text.strip().splitlines()
    return " / ".join(([line for line in lines if "ERROR" in line] or lines)[-3:])
