"""`afterstate simulate`: what it prints, what it refuses, and what an interrupt leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from afterstate.cli.simulate import simulate, simulate_nand
from afterstate.errors import UsageError
from simulators.nand.export import HEADERS
from tests.bench import ROOT

FILES_OF_A_RUN = len(HEADERS) + 1
TIMEOUT = 30.0  # seconds


def test_it_prints_a_summary_and_the_paths_and_nothing_else(tmp_path: Path) -> None:
    """Prevents output that a script cannot read line by line."""
    out = tmp_path / "lab"
    done = CliRunner().invoke(simulate, ["nand", "--out", str(out), "--run-until", "500", "--num-runs", "2"])
    assert done.exit_code == 0, done.output
    summary, *paths = done.stdout.splitlines()
    assert summary.startswith("lab: 2 runs, 0.0 to 1000.0 µs, ")
    assert sorted(paths) == sorted(str(file) for file in out.iterdir())
    done = CliRunner().invoke(simulate, ["core", "--out", str(out / "core"), "--runs", "2"])
    assert done.stdout.splitlines()[0] == "core: 2 runs, 360 rows in each of three files"
    assert len(list((out / "core").iterdir())) == 4


@pytest.mark.parametrize("command", ["nand", "core"])
def test_the_examples_of_the_help_run(command: str, tmp_path: Path) -> None:
    """Prevents help that shows commands which do not exist."""
    shown = CliRunner().invoke(simulate, [command, "--help"]).stdout
    lines = [line.split() for line in shown.splitlines() if line.strip().startswith("afterstate simulate")]
    assert lines
    for words in lines:
        assert words[2] == command
        assert all(word in shown for word in words if word.startswith("--"))
    words = [str(tmp_path) if word.startswith("out/") else word for word in lines[0][2:]]
    assert CliRunner().invoke(simulate, words).exit_code == 0


def test_a_configuration_of_ones_own_and_its_refusal(tmp_path: Path) -> None:
    """Prevents an error about a configuration that does not name the file, the key and what to do."""
    text = (ROOT / "simulators" / "nand" / "default.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    same = [
        simulate_nand(tmp_path / name, config=config, run_until_us=300.0, date="261122")
        for name, config in (("a", None), ("b", file))
    ]
    assert [path.read_bytes() for path in same[0]] == [path.read_bytes() for path in same[1]]
    file.write_text(text.replace("duration_us: 3500.0", "duration_us: -3500.0"), encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"mine\.yaml: op_bases\.ERASE\.states\[1\]\.duration_us: -3500\.0 is negative"
    ):
        simulate_nand(tmp_path / "c", config=file)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"date": "2026-11-22"}, "is not a date"),
        ({"date": "261322"}, "is not a date"),
        ({"date": "٢٦١١٢٢"}, "is not a date"),
        ({"run_until_us": 0.0}, "is too short"),
        ({"run_until_us": float("nan")}, "is not a time"),
        ({"run_until_us": -5.0}, "is too short"),
    ],
)
def test_settings_without_a_meaning_are_refused(tmp_path: Path, settings: dict[str, float], reason: str) -> None:
    """Prevents files named so that no run can be told from them, and runs that go backwards."""
    with pytest.raises(UsageError, match=reason):
        simulate_nand(tmp_path, **settings)  # type: ignore[arg-type]


def processes_of(group: int) -> list[psutil.Process]:
    """Return the processes of a group that still do something."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("arguments", "files_of_a_set"),
    [
        (["nand", "--run-until", "20000", "--num-runs", "100000"], FILES_OF_A_RUN),
        (["nand", "--run-until", "20000", "--num-runs", "100000", "--sites", "2"], FILES_OF_A_RUN),
        (["core", "--runs", "10000000"], 4),
    ],
    ids=["runs", "sites", "core"],
)
def test_an_interrupt_leaves_only_whole_files(tmp_path: Path, arguments: list[str], files_of_a_set: int) -> None:
    """Prevents half of a file, or of a run, that lands as if it were all; processes that go on unseen."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "loaders", "simulate", *arguments, "--out", str(out)]
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a job in the background is deaf to it
    )
    wanted = 0 if arguments[0] == "core" else 2 * files_of_a_set
    ends = time.monotonic() + TIMEOUT
    while len(list(out.rglob("[!.]*.*"))) < wanted or not any(out.rglob(".*.part")):
        assert time.monotonic() < ends and running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=TIMEOUT)
    assert running.returncode == 1
    while left := processes_of(running.pid):
        assert time.monotonic() < ends, left
        time.sleep(0.01)
    folders = [folder for folder in (out, *out.glob("site_*")) if any(folder.glob("*.*"))]
    for folder in folders:
        files = [file for file in folder.iterdir() if file.is_file()]
        assert not [file for file in files if file.name.startswith(".")]
        assert len(files) % files_of_a_set == 0
        assert all(file.read_bytes().endswith(b"\n") for file in files)
