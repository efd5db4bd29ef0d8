"""The private server's settings, written as an option file.

Windows over millions of rows sort on disk and in many passes with a server's own defaults; the buffers here let them
run in memory (docs/server.md has the reasons and the manual's pages).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from afterstate.warehouse.engines import Engine

MIB = 1 << 20
# A container's limit counts, not the host's memory.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class ServerPaths:
    """Where one private server keeps what; `home` is `.afterstate` or `AFTERSTATE_HOME`."""

    home: Path
    run: Path  # the socket: a short path, since a socket's is limited to about 100 characters

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def options(self) -> Path:
        """The option file that the server is started with."""
        return self.home / "server.cnf"

    @property
    def log(self) -> Path:
        """What the server says since its last start; `log` keeps former ones beside it."""
        return self.home / "server.log"

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.run / "server.sock"

    @property
    def socket_lock(self) -> Path:
        """MySQL's note of who uses the socket; it believes one that a crash left, once its process id is reused."""
        return self.run / "server.sock.lock"

    @property
    def temporary(self) -> Path:
        """Where big sorts go. Not the system's own: each MariaDB that starts there deletes the others' files."""
        return self.home / "tmp"

    @property
    def pid(self) -> Path:
        """The file in which the server writes its process id: beside the data, wherever the socket is."""
        return self.home / "run" / "server.pid"


def memory_bytes() -> int:
    """Return the memory that this machine, or this container, may use."""
    limits = [psutil.virtual_memory().total]
    for place in CGROUP_LIMITS:
        text = place.read_text().strip() if place.is_file() else ""
        if text.isdigit():
            limits.append(int(text))
    return int(min(limits))


def option_file(engine: Engine, places: ServerPaths, port: int, memory: int) -> str:
    """Return the option file's text; `memory` is in bytes."""
    own_by_engine: dict[str, dict[str, str | int | None]] = {
        "mysql": {
            "mysqlx": "OFF",
            "secure-file-priv": "NULL",  # nobody reads or writes files through the server
            "skip-log-bin": None,  # a private server has no replicas; the log would double what landing writes
            "innodb_redo_log_capacity": _share(memory, 16, 128, 1024),
            "temptable_max_ram": _share(memory, 8, 256, 4096),
        },
        "mariadb": {
            "innodb_log_file_size": _share(memory, 32, 96, 512),
            "tmp_memory_table_size": _share(memory, 16, 64, 1024),
        },
    }
    settings: dict[str, str | int | None] = {
        "datadir": _quoted(places.data),
        "socket": _quoted(places.socket),
        "pid-file": _quoted(places.pid),
        "log-error": _quoted(places.log),
        "tmpdir": _quoted(places.temporary),
        "port": port,
        "bind-address": "127.0.0.1",
        "character-set-server": "utf8mb4",
        "collation-server": engine.exact_collation,
        "default-time-zone": "+00:00",
        "local-infile": "ON",
        "performance-schema": "OFF",
        "max_allowed_packet": 256 * MIB,
        "innodb_buffer_pool_size": _share(memory, 6, 128, 4096),
        "sort_buffer_size": _share(memory, 48, 16, 512),
        "join_buffer_size": _share(memory, 768, 4, 32),
        "tmp_table_size": _share(memory, 16, 64, 1024),
        "max_heap_table_size": _share(memory, 16, 64, 1024),
        **own_by_engine[engine.name],
    }
    lines = [key if value is None else f"{key} = {value}" for key, value in settings.items()]
    return "\n".join(["# Written by `afterstate up` at every start.", "[mysqld]", *lines, ""])


def _quoted(path: Path) -> str:
    """Quote a path so that blanks, `#` and quotes in it are literal (MySQL manual, "Using Option Files")."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _share(memory: int, parts: int, least_mib: int, most_mib: int) -> int:
    """Return a part of the memory in bytes, within bounds in MiB, in whole MiB."""
    return min(max(memory // parts, least_mib * MIB), most_mib * MIB) // MIB * MIB
