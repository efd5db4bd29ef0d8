"""What a step costs the server: rows inserted or deleted, statements answered, bytes that sorts and joins spilled.

Rows and statements are the server's status variables. Neither server counts spilled bytes in one, so the sizes of its
open temporary files are looked at while a step runs, which Linux alone can do; elsewhere there is no figure. InnoDB's
files for temporary tables are spilled to by MySQL alone, and only where it counts a temporary table on disk: otherwise
they hold the tables that a build makes with CREATE TEMPORARY TABLE, wherever there is memory.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.landing.servers import Server

# MariaDB 10.11 has no Innodb_rows_*. Updates are left out on both: its Handler_update also counts the rows of temporary
# tables that windows put their results in.
WRITTEN = {
    "mysql": ("Innodb_rows_inserted", "Innodb_rows_deleted"),
    "mariadb": ("Handler_write", "Handler_delete"),
}
ON_DISK = "Created_tmp_disk_tables"
SPILLS = (ON_DISK, "Sort_merge_passes")
ASKED = "Questions"
LOOK_SECONDS = 0.1
INNODB = ("#innodb_temp", "ibtmp")


@dataclass
class Count:
    """What the server did during a step."""

    rows_written: int = 0  # inserted or deleted
    spills: int = 0  # temporary tables on disk and passes of sorts that did not fit
    spilled_megabytes: float | None = None  # at most at once
    queries: int = 0


@contextmanager
def counted(server: Server) -> Iterator[Count]:
    """Return a Count that is filled in at the end."""
    count = Count()
    look = _Look(server)
    before = _status(server)
    look.start()
    try:
        yield count
    finally:
        look.stop()
    after = _status(server)
    grown = {name: after[name] - before[name] for name in after if name in before}
    count.rows_written = sum(grown.get(name, 0) for name in WRITTEN[server.engine])
    count.spills = sum(grown[name] for name in SPILLS)
    count.queries = grown[ASKED] - look.own_queries(server)
    count.spilled_megabytes = look.most_megabytes(with_innodb=server.engine == "mysql" and grown[ON_DISK] > 0)


def _status(server: Server) -> dict[str, int]:
    names = ", ".join(f"'{name}'" for name in (*WRITTEN[server.engine], *SPILLS, ASKED))
    return {name: int(value) for name, value in server.ask(f"show global status where variable_name in ({names})")}


class _Look:
    """A thread that looks how big the server's temporary files are: its own, and those of InnoDB."""

    def __init__(self, server: Server) -> None:
        process = server.private.process()
        self._folder = Path(f"/proc/{process.pid}/fd") if process and sys.platform == "linux" else None
        self._home = str(server.home / "tmp")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._before = self._most = self._bytes()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def most_megabytes(self, *, with_innodb: bool) -> float | None:
        return (self._most[with_innodb] - self._before[with_innodb]) / 1e6 if self._folder else None

    def own_queries(self, server: Server) -> int:
        """Return how many statements asking for the status takes, which are not part of the step."""
        first, second = (_status(server)[ASKED] for _ in range(2))
        return second - first

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self._most = [max(pair) for pair in zip(self._most, self._bytes(), strict=True)]

    def _bytes(self) -> list[int]:
        """Return the bytes of the server's own files, and of these and InnoDB's."""
        own = innodb = 0
        for file in self._folder.iterdir() if self._folder else ():
            try:
                target, size = str(file.readlink()), file.stat().st_size
            except OSError:  # closed in between
                continue
            if any(part in target for part in INNODB):
                innodb += size
            elif target.startswith(self._home):
                own += size
        return [own, own + innodb]
