"""Landing onto a full disk, the server's or the loader's own.

Whatever happens, a file is visible entirely or not at all, the loader says what to do, and doing it finishes the job.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from afterstate.server import private
from tests.bench import Bench, Server, missing
from tests.loaders.faults import AGAIN, LONG, LOST, failure, start, visible
from tests.loaders.helpers import KEY, TRACE_KIND, csv_text
from tests.server.helpers import private_home, up

MIB = 1 << 20
LITTLE_MEMORY = 1 << 30  # a server's logs are a part of it, and here they lie in memory
ROOMY = 1024 * MIB


class Disk:
    """A file system in memory, as large as it is told to be."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]

    def mount(self, size: int) -> None:
        options = f"size={size},mode=0700,uid={os.getuid()}"
        mounted = self._run("mount", "-t", "tmpfs", "-o", options, "afterstate-test", str(self.place))
        if mounted.returncode:
            missing(f"no file system can be mounted: {mounted.stderr.strip()}")

    def resize(self, size: int) -> None:
        resized = self._run("mount", "-o", f"remount,size={size}", str(self.place))
        assert resized.returncode == 0, resized.stderr

    def leave(self, size: int) -> None:
        """Leave that much room."""
        self.resize(shutil.disk_usage(self.place).used + size)

    def unmount(self) -> None:
        self._run("umount", str(self.place))

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run([*self._prefix, *command], capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            return subprocess.CompletedProcess(command, 1, "", f"`{error.filename}` is missing")


@contextmanager
def mounted(place: Path, size: int) -> Iterator[Disk]:
    """Return a disk at an empty folder, for as long as the block lasts."""
    place.mkdir()
    disk = Disk(place)
    disk.mount(size)
    try:
        yield disk
    finally:
        disk.unmount()


@pytest.fixture
def bulky(tmp_path: Path) -> Path:
    """Return a file of 18 MB, of which nearly all is rejected: more than a loader keeps in memory."""
    file = tmp_path / "bulky.csv"
    rows = (
        ("run", "case", "antibody", "abc" if step % 2 else step, "x" * (MIB * (step % 2) + 1)) for step in range(36)
    )
    file.write_text(csv_text((*KEY, "note"), rows))
    return file


def require_finished(bench: Bench, *arguments: str | Path) -> None:
    """Require that what is there is whole, and that the same command, now that there is room, does the rest."""
    before = visible(bench)
    statuses = Counter(result["status"] for result in bench.land(*arguments))
    after = visible(bench)
    assert before.items() <= after.items()
    assert statuses == Counter(landed=len(after) - len(before), unchanged=len(before)) + Counter()


@pytest.mark.parametrize("left", [1, 4, 8, 12] if LONG else [8], ids="{} MiB left".format)
@pytest.mark.parametrize("of", ["rejects", "rows"] if LONG else ["rejects"])
def test_the_disk_of_the_server_is_full(
    server: Server, chip: Path, bulky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, left: int
) -> None:
    """Prevents a full disk from leaving half of a file, or its loader from waiting or from blaming the file.

    A server ends the statement, or itself where it needs room even to take back what it has: then `up` starts it again.
    """
    monkeypatch.setattr(private, "memory_bytes", lambda: LITTLE_MEMORY)
    arguments = (bulky, "--kind", TRACE_KIND) if of == "rejects" else (chip,)
    with mounted(tmp_path / "disk", ROOMY) as disk, private_home(server, disk.place / "home") as bench:
        up(bench)
        disk.leave(left * MIB)
        said = failure(start(bench, *arguments), AGAIN)
        assert LOST in said or "disk" in said.replace(str(tmp_path), ""), said  # the folder has the word, too
        print("the server ended" if LOST in said else "the server lived")
        disk.resize(ROOMY)
        up(bench)
        require_finished(bench, *arguments)


def limited() -> None:
    """Let this process write no file of more than a mebibyte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))


@pytest.mark.parametrize("how", ["a limit", "a full disk"] if LONG else ["a limit"])
def test_the_disk_of_the_loader_is_full(emptied: Bench, bulky: Path, tmp_path: Path, how: str) -> None:
    """Prevents rejects from being lost where they cannot be set aside, and the file from being blamed for it."""
    arguments = (bulky, "--kind", TRACE_KIND)
    with mounted(tmp_path / "disk", 2 * MIB) if how == "a full disk" else nullcontext() as disk:
        options: dict[str, Any] = {"env": {"TMPDIR": str(disk.place)}} if disk else {"preexec_fn": limited}
        said = failure(start(emptied, *arguments, **options), "temporary", AGAIN)
        assert "cannot be read" not in said
    assert visible(emptied) == {}
    require_finished(emptied, *arguments)
