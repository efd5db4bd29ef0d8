"""Where exports go: files that are there whole or not at all, links, devices, pipes and standard output."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import threading
import zipfile
from pathlib import Path
from typing import IO, Any

import pytest

from afterstate.output import open_new, open_output, write_private
from tests.bench import ROOT, Bench, missing
from tests.server.helpers import AFTERSTATE


def write(out: Path, text: str = "new\n") -> None:
    with open_output(out) as file:
        file.write(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def is_alone(path: Path) -> bool:
    """Return whether nothing is left beside a file."""
    return [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize("former", [0o600, 0o644, 0o755, 0o444])
def test_a_file_keeps_its_mode(tmp_path: Path, former: int) -> None:
    """Prevents an export that only its owner could read from being open to all after the next one."""
    out = tmp_path / "x.csv"
    out.write_text("old")
    out.chmod(former)
    write(out)
    assert (out.read_text(), mode(out), is_alone(out)) == ("new\n", former, True)


def test_a_new_file_is_as_any_other(tmp_path: Path) -> None:
    """Prevents a new export from being for its owner only, or from failing where its folder is not there yet."""
    write(tmp_path / "new" / "er" / "x.csv")
    (tmp_path / "any").write_text("")
    assert mode(tmp_path / "new" / "er" / "x.csv") == mode(tmp_path / "any")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_leads_to_its_file(tmp_path: Path, is_there: bool) -> None:
    """Prevents the shared file behind a link from keeping last week's content, while the link becomes a file."""
    shared, link = tmp_path / "share" / "x.csv", tmp_path / "x.csv"
    shared.parent.mkdir()
    if is_there:
        shared.write_text("last week")
    link.symlink_to(shared)
    write(link)
    assert (link.is_symlink(), shared.read_text(), is_alone(shared), is_alone(link)) == (True, "new\n", True, True)


def test_a_failure_leaves_the_former_file(tmp_path: Path) -> None:
    """Prevents half an export, and the loss of the one before, when the server fails in the middle."""
    out = tmp_path / "x.csv"
    out.write_text("old")
    with pytest.raises(KeyError), open_output(out) as file:
        file.write("half")
        raise KeyError
    assert (out.read_text(), is_alone(out)) == ("old", True)


def test_a_file_with_passwords_is_its_owners(tmp_path: Path) -> None:
    """Prevents passwords that others can read, or that a link carries to a folder that others read."""
    shared, link = tmp_path / "share.txt", tmp_path / "profiles.yml"
    shared.write_text("shared")
    link.symlink_to(shared)
    write_private(link, "secret")
    assert (link.is_symlink(), link.read_text(), mode(link), shared.read_text()) == (False, "secret", 0o600, "shared")


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    """Prevents a backup from replacing another one, and a part of one from being taken for it."""
    out = tmp_path / "backup.zip"
    with open_new(out) as file:
        file.write(b"first")
        assert not out.exists()
    with pytest.raises(FileExistsError), open_new(out) as file:
        file.write(b"second")
    assert (out.read_bytes(), mode(out), is_alone(out)) == (b"first", 0o600, True)


def test_a_pipe_gets_what_is_written(tmp_path: Path) -> None:
    """Prevents a FIFO from being replaced by a file, whose reader would wait forever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write(pipe)
    reader.join(10)
    assert (read, stat.S_ISFIFO(pipe.stat().st_mode)) == (["new\n"], True)


def test_a_device_stays_one(tmp_path: Path) -> None:
    """Prevents root's `--out /dev/null` from turning the device into a file: here, a device of the test's own."""
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.write_text("")
    except PermissionError:
        missing("only root may make a device")
    write(device)
    assert stat.S_ISCHR(device.stat().st_mode)


def export(bench: Bench, out: str | Path, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run `afterstate export snapshot` as a process of its own."""
    return called(bench, "export", "snapshot", "--out", str(out), stdout=stdout)


def called(
    bench: Bench, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, text: bool = True
) -> subprocess.CompletedProcess[Any]:
    """Run `afterstate` as a process of its own."""
    return subprocess.run(
        [str(AFTERSTATE), *arguments],
        env={**os.environ, **bench.environment},
        cwd=bench.folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=text,
        check=False,
    )


def test_standard_output(warehouse: Bench) -> None:
    """Prevents `export … --out - | …` from making a file called `-`, and a message from standing among the rows."""
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests("--select", "tag:core", "models/audit")
    assert export(warehouse, "x.csv").stdout == "snapshots: 1 (incomplete: 0, drifted: 0), written to x.csv\n"
    expected = (warehouse.folder / "x.csv").read_text()
    for out in ("-", "/dev/stdout"):
        done = export(warehouse, out)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
        assert done.stderr.splitlines()[0] == "snapshots: 1 (incomplete: 0, drifted: 0), written to standard output"
    with (warehouse.folder / "y.csv").open("w") as redirected:
        export(warehouse, "/dev/stdout", redirected)
    assert (warehouse.folder / "y.csv").read_text() == expected
    assert sorted(path.name for path in warehouse.folder.iterdir()) == ["x.csv", "y.csv"]
    assert warehouse.run("export", "snapshot", "--out", "-").stdout == expected
    reports_and_backups_go_there_too(warehouse)


def reports_and_backups_go_there_too(warehouse: Bench) -> None:
    """Prevents a command with rules of its own: a link that becomes a file, a mode that is lost, a file called `-`."""
    shared, link = warehouse.write("share/report.html", "last week"), warehouse.folder / "report.html"
    shared.chmod(0o640)
    link.symlink_to(shared)
    assert warehouse.run("report", "--out", link).exit_code == 0
    assert (link.is_symlink(), mode(shared), shared.read_text()[:15]) == (True, 0o640, "<!doctype html>")
    page = called(warehouse, "report", "--out", "-")
    assert (page.returncode, page.stdout.rstrip()[-7:]) == (0, "</html>"), page.stderr
    kept = called(warehouse, "backup", "-", text=False)
    assert kept.returncode == 0, kept.stderr
    assert "backup.json" in zipfile.ZipFile(io.BytesIO(kept.stdout)).namelist()
    for command in (("backup", "-", "--json"), ("report", "--out", "-", "--json")):
        assert warehouse.run(*command).exit_code == 2
    assert {path.name for path in warehouse.folder.iterdir()} == {"x.csv", "y.csv", "report.html", "share"}


OUTPUTS = {
    "export snapshot": "it is empty: name a path, or `-` for standard output",
    "export phase-counts --session s --run r": "it is empty: name a path, or `-` for standard output",
    "simulate nand": "it is empty: name a path\n",
    "simulate core": "it is empty: name a path\n",
}


@pytest.mark.parametrize("command", OUTPUTS)
def test_an_empty_path_is_wrong_usage(warehouse: Bench, command: str) -> None:
    """Prevents a traceback, or files in the current folder, where a script's variable is unset."""
    wrong = warehouse.run(*command.split(), "--out", "")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert OUTPUTS[command] in wrong.stderr
