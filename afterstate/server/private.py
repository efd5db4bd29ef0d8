"""Start, stop and look at the private server.

One at a time works here (a lock sees to it), a server that runs already is left alone, and one that was killed is
started again over its data. The admin's password is given to the server at every start, from a file that only its
owner can read, so it never stands in a command line, and a lost password file is made again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

from afterstate.errors import AccountRefused, ServerError
from afterstate.output import write_private
from afterstate.server.config import ServerPaths, memory_bytes, option_file
from afterstate.server.data import data_engine, make_data
from afterstate.server.log import begin_log, former, read_log, tail
from afterstate.server.programs import Program, Say, find_program, install_program
from afterstate.warehouse.connect import connect
from afterstate.warehouse.engines import PRODUCTS, Engine
from afterstate.warehouse.file_lock import one_at_a_time
from afterstate.warehouse.profile import Credentials
from afterstate.warehouse.settings import Settings

ADMIN = "root"
FIRST_PORT, PORTS = 33060, 200
SOCKET_PATH_BYTES = 100
START_SECONDS, STOP_SECONDS = 120, 120
START_ATTEMPTS = 5


class PrivateServer:
    """The private server of one `.afterstate` folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.places = ServerPaths(settings.home, _run_folder(settings.home))
        self._state_file = settings.home / "server.yml"

    def start(self, say: Say) -> Credentials:
        """Make sure that the server runs, and return the administrator's credentials.

        Installs and initialises what is missing. Raises ServerError when it cannot run here.
        """
        with one_at_a_time(self._lock):
            running = self.process()
            if running and self._admits():
                self._forget_start_file()
                return self._admin()
            if running:
                say("restarting the private server, since its password file was lost")
                self._end(running)
            if self.places.pid.exists():  # a server that is stopped takes it away
                say(f"the private server ended without being stopped; `{former(self.places.log)}` may say why")
            program = self._program(say)
            if not self.exists():
                say(f"initialising a private {program.engine.title}")
                make_data(program, self.places, say)
            self._start(program, say)
            return self._admin()

    def admin(self) -> Credentials | None:
        """Return the administrator's credentials for the private server; None when none was ever started."""
        return self._admin() if self._state().get("password") else None

    def stop(self) -> bool:
        """Stop the server and wait for its end; False when it did not run."""
        with one_at_a_time(self._lock):
            process = self.process()
            if process:
                self._end(process)
            return process is not None

    def process(self) -> psutil.Process | None:
        """Return the running server's process, None when there is none.

        A process id outlives its process and comes back as another's, and a server that is still starting has written
        none yet: ours is the one that was started with our option file.
        """
        try:
            noted = psutil.Process(int(self.places.pid.read_text()))
            if self._is_ours(noted):
                return noted
        except (FileNotFoundError, ValueError, psutil.Error):
            pass
        return next(filter(self._is_ours, psutil.process_iter()), None)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return f"--defaults-file={self.places.options}" in process.cmdline()
        except psutil.Error:
            return False

    @property
    def port(self) -> int | None:
        """The port that the server listens on, or last did; None before its first start."""
        port = self._state().get("port")
        return int(str(port)) if port else None

    def exists(self) -> bool:
        """Return whether a private server was ever created here."""
        return data_engine(self.places) is not None

    @property
    def _lock(self) -> Path:
        return self.places.home / "server.lock"

    def _end(self, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            raise ServerError(
                f"the server (process {process.pid}) did not stop within {STOP_SECONDS} s",
                f"it may still be writing; look at `{self.places.log}`",
            ) from None
        if self.places.home not in self.places.run.parents:
            shutil.rmtree(self.places.run, ignore_errors=True)

    def _program(self, say: Say) -> Program:
        """Return the program that the data belong to: one engine cannot read the other's files."""
        made_with = data_engine(self.places)
        program = find_program(self._settings.server_program) or install_program(say)
        if made_with and program.engine.name != made_with:
            raise ServerError(
                f"the data in `{self.places.data}` was made by {PRODUCTS[made_with]}, but `{program.path}` is "
                f"{program.engine.title}",
                "name the former in `AFTERSTATE_SERVER_PROGRAM`, or another folder in `AFTERSTATE_HOME`",
            )
        return program

    def _start(self, program: Program, say: Say) -> None:
        begin_log(self.places.log)
        for _ in range(START_ATTEMPTS):
            port = _free_port(self.port)
            self._write_files(program.engine, port)
            say(f"starting {program.engine.title} on 127.0.0.1:{port}")
            if self._spawn(program):
                self._forget_start_file()
                return
            if not self._port_was_taken():
                break
        self._forget_start_file()
        raise ServerError(
            f"{program.engine.title} did not start: {tail(read_log(self.places.log))}", f"see `{self.places.log}`"
        )

    def _write_files(self, engine: Engine, port: int) -> None:
        for folder in (self.places.pid.parent, self.places.socket.parent, self.places.temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid != os.getuid():
                raise ServerError(f"`{folder}` belongs to somebody else", "remove it, or set another `TMPDIR`")
        password = str(self._state().get("password") or secrets.token_urlsafe(24))
        state = {"engine": engine.name, "port": port, "user": ADMIN, "password": password}
        write_private(self._state_file, yaml.safe_dump(state, sort_keys=False))
        write_private(self.places.options, option_file(engine, self.places, port, memory_bytes()))
        write_private(self._start_file, _start_statements(engine, password))
        for left_over in (self.places.log, self.places.pid, self.places.socket, self.places.socket_lock):
            left_over.unlink(missing_ok=True)

    @property
    def _start_file(self) -> Path:
        return self.places.home / "start.sql"

    def _forget_start_file(self) -> None:
        self._start_file.unlink(missing_ok=True)

    def _spawn(self, program: Program) -> bool:
        """Start the program in the background; False when it ended instead of answering.

        Raises ServerError when it does neither for long.
        """
        command = [str(program.path), f"--defaults-file={self.places.options}", f"--init-file={self._start_file}"]
        if os.geteuid() == 0:
            command.append("--user=root")  # it refuses root unless told so; it then owns what root's checkout holds
        with Path(os.devnull).open("r+b") as nothing:
            child = subprocess.Popen(
                command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, cwd=self.places.home
            )
        deadline = time.monotonic() + START_SECONDS
        while child.poll() is None:
            if self.places.pid.exists() and self._answer():  # until it has written this, another may have its port
                return True
            self._pause(deadline)
        return False

    def _admits(self) -> bool:
        """Wait for the running server's answer; False when it has ended, or does not know our password.

        Raises ServerError when there is none.
        """
        deadline = time.monotonic() + START_SECONDS
        while self.process():
            answer = self._answer()
            if answer is not None:
                return answer
            self._pause(deadline)
        return False

    def _pause(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise ServerError(
                f"the server has been starting for {START_SECONDS} s; after a crash over much data it may take longer",
                f"look at `{self.places.log}`, then run `afterstate up` again",
            )
        time.sleep(0.1)

    def _answer(self) -> bool | None:
        """Try to log in: True when the server accepts us, False when it refuses, None when it does not answer."""
        if not self._state().get("password"):
            return False
        try:
            connect(self._admin()).close()
        except AccountRefused:
            return False
        except ServerError:
            return None
        return True

    def _port_was_taken(self) -> bool:
        text = read_log(self.places.log)
        return "Bind on TCP/IP port" in text or "Address already in use" in text

    def _state(self) -> dict[str, object]:
        try:
            state = yaml.safe_load(self._state_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, yaml.YAMLError):
            return {}
        return state if isinstance(state, dict) else {}

    def _admin(self) -> Credentials:
        state = self._state()
        return Credentials(
            type=str(state["engine"]),
            server="127.0.0.1",
            port=int(str(state["port"])),
            schema="",
            username=str(state["user"]),
            password=str(state["password"]),
        )


def _start_statements(engine: Engine, password: str) -> str:
    """Return the statements that the server runs before it listens: one admin, with a password, and nobody else."""
    strangers = {
        # MariaDB's installer makes nameless accounts, and root's for several hosts, without passwords.
        "mariadb": "delete from mysql.global_priv where user = '' or (user = 'root' and host <> 'localhost');\n"
        "flush privileges;\n",
        "mysql": "",
    }[engine.name]
    return f"{strangers}alter user 'root'@'localhost' identified by '{password}';\n"


def _run_folder(home: Path) -> Path:
    """Return the folder for the socket: in the home, or where that path is too long for one, in TMPDIR or /tmp."""
    name = f"afterstate-{os.getuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    places = (home / "run", Path(tempfile.gettempdir()) / name)
    fitting = (place for place in places if len(os.fsencode(place / "server.sock")) <= SOCKET_PATH_BYTES)
    return next(fitting, Path("/tmp") / name)  # noqa: S108 (for its owner only, and checked to be so)


def _free_port(wanted: int | None) -> int:
    """Return the port that was used last, so that BI tools keep their settings, else the next free one."""
    for port in ([wanted] if wanted else []) + list(range(FIRST_PORT, FIRST_PORT + PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerError(f"no port is free from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}")
