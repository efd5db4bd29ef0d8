"""`script/setup` and `script/fetch-mysql`, as copies with stand-ins for Python, pip and apt: nothing is downloaded.

A stand-in of Python runs the real one with another version number, and notes what it is asked to do.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench import ROOT, server_program
from tests.server.helpers import fake_program

TOOLS = (
    "bash",
    "sh",
    "cat",
    "chmod",
    "cksum",
    "cp",
    "dirname",
    "env",
    "find",
    "flock",
    "grep",
    "id",
    "mkdir",
    "mv",
    "rm",
    "sort",
    "tail",
)


class Machine:
    """A folder with a copy of the scripts, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin, self.notes = folder / "checkout", folder / "bin", folder / "notes"
        for place in (self.root / "script", self.root / "requirements", self.bin):
            place.mkdir(parents=True)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for script in ("setup", "fetch-mysql"):
            shutil.copy2(ROOT / "script" / script, self.root / "script" / script)
        for lock in ("runtime", "dev"):
            (self.root / "requirements" / f"{lock}.lock").write_text("some-package==1.0\n")
        for file in ("pyproject.toml", "dbt_afterstate.py"):
            (self.root / file).write_text("")

    def add_python(self, name: str, version: str, *, has_venv: bool = True, makes_pip: bool = True) -> Path:
        """Put a Python of this version on the PATH."""
        number = ", ".join(version.split("."))
        pretend = f"import sys; sys.version_info = ({number}, 'final', 0); exec(sys.argv[1])"
        refuse = "" if has_venv else "*ensurepip*) exit 1;;"
        mark = "touch" if makes_pip else "true"
        return fake_program(
            self.bin / name,
            f"""echo "{name} $*" >> '{self.notes}'
case "$*" in
  --version) echo "Python {version}";;
  "-m venv "*) mkdir -p .venv/bin; cp '{self.bin / name}' .venv/bin/python; {mark} .venv/bin/pip;;
  "-m pip --version") [ -e .venv/bin/pip ];;
  "-m pip "*) ;;
  {refuse}
  "-c "*) exec '{sys.executable}' -c "{pretend}" "$2";;
esac""",
        )

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / "script" / script), *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.root), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self) -> list[str]:
        """Return what Python was asked to do since the last time, without the questions about its version."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return [line for line in lines if " -m " in line and "--version" not in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    (machine.bin / "touch").symlink_to(str(shutil.which("touch")))
    (machine.bin / "true").symlink_to(str(shutil.which("true")))
    return machine


@pytest.mark.parametrize("version", ["3.13.1", "3.14.0", "3.9.2", "2.7.18"])
def test_a_python_that_does_not_fit_is_refused_with_what_to_install(machine: Machine, version: str) -> None:
    """Prevents minutes of installing that end in pip's complaint about dbt's Pythons."""
    machine.add_python("python3", version)
    done = machine.run("setup")
    assert done.returncode == 1
    assert version in done.stderr
    assert "apt-get install python3.12 python3.12-venv" in done.stderr
    assert "AFTERSTATE_PYTHON" in done.stderr
    assert not (machine.root / ".venv").exists()


def test_no_python_at_all_is_refused_with_what_to_install(machine: Machine) -> None:
    """Prevents `command not found` as the only word to somebody with a bare machine."""
    done = machine.run("setup")
    assert done.returncode == 1
    assert "apt-get install python3.12" in done.stderr


@pytest.mark.parametrize("version", ["3.10.0", "3.11.7", "3.12.9"])
def test_a_python_that_fits_is_used(machine: Machine, version: str) -> None:
    """Prevents refusing, or passing over, a version that dbt runs on."""
    machine.add_python("python3", version)
    done = machine.run("setup")
    assert done.returncode == 0, done.stderr
    assert machine.asked()[0] == "python3 -m venv .venv"


def test_a_fitting_python_beside_a_newer_default_is_found(machine: Machine) -> None:
    """Prevents refusing a machine that has what is needed under another name."""
    machine.add_python("python3", "3.13.1")
    machine.add_python("python3.12", "3.13.1")  # a shim that leads elsewhere
    machine.add_python("python3.11", "3.11.7")
    done = machine.run("setup")
    assert done.returncode == 0, done.stderr
    asked = machine.asked()
    assert asked[0] == "python3.11 -m venv .venv"
    assert "--require-hashes -r requirements/runtime.lock" in asked[1]
    assert asked[2].endswith("--no-deps --no-build-isolation --editable .")


def test_a_named_python_comes_first(machine: Machine) -> None:
    """Prevents AFTERSTATE_PYTHON being passed over for the default."""
    machine.add_python("python3", "3.12.1")
    named = machine.add_python("my-own-python", "3.10.4")
    done = machine.run("setup", AFTERSTATE_PYTHON=str(named))
    assert done.returncode == 0, done.stderr
    assert machine.asked()[0] == "my-own-python -m venv .venv"


def test_nothing_is_done_when_nothing_changed(machine: Machine) -> None:
    """Prevents every `script/demo` and `script/test` waiting for pip."""
    machine.add_python("python3", "3.11.7")
    machine.run("setup")
    assert machine.asked()
    begin = time.monotonic()
    done = machine.run("setup")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.asked() == []
    assert time.monotonic() - begin < 2


def test_a_dbt_that_is_not_ours_is_installed_again(machine: Machine) -> None:
    """Prevents `pip install -U dbt-core` putting another `dbt` in the place of ours for good."""
    machine.add_python("python3", "3.11.2")
    assert machine.run("setup").returncode == 0
    script = machine.root / ".venv" / "bin" / "dbt"
    ours = script.read_text()
    for text, installs in ((ours, False), ("from dbt.cli.main import cli\n", True)):
        script.write_text(text)
        machine.notes.write_text("")
        assert machine.run("setup").returncode == 0
        assert ("pip" in machine.notes.read_text()) is installs
        assert script.read_text() == ours


@pytest.mark.parametrize("changed", ["requirements/runtime.lock", "dbt_afterstate.py"])
def test_what_has_changed_is_installed_into_the_same_venv(machine: Machine, changed: str) -> None:
    """Prevents a pull that changes the lock having no effect, and an older `dbt` staying behind a newer checkout."""
    machine.add_python("python3", "3.11.7")
    machine.run("setup")
    machine.asked()
    (machine.root / changed).write_text("some-package==2.0\n")
    assert machine.run("setup").returncode == 0
    assert [line.split(" -m ")[1].split()[0] for line in machine.asked()] == ["pip", "pip"]
    assert machine.run("setup").returncode == 0
    assert machine.asked() == []


def test_plain_setup_keeps_the_developers_tools(machine: Machine) -> None:
    """Prevents `script/demo` taking away what `script/test` has installed, turn by turn."""
    machine.add_python("python3", "3.11.7")
    machine.run("setup", "--dev")
    assert "requirements/dev.lock" in machine.asked()[1]
    assert machine.run("setup").returncode == 0
    assert machine.asked() == []


def test_a_venv_whose_making_was_interrupted_is_made_again(machine: Machine) -> None:
    """Prevents Ctrl-C during the first setup leaving a .venv without pip, which no later setup repairs."""
    machine.add_python("python3", "3.11.7", makes_pip=False)
    subprocess.run(
        [str(machine.bin / "python3"), "-m", "venv", ".venv"],
        cwd=machine.root,
        env={"PATH": str(machine.bin)},
        check=True,
    )
    machine.add_python("python3", "3.11.7")
    machine.asked()
    done = machine.run("setup")
    assert done.returncode == 0, done.stderr
    assert machine.asked()[0] == "python3 -m venv .venv"


def test_a_venv_whose_python_is_gone_is_made_again(machine: Machine) -> None:
    """Prevents an upgrade of the system's Python leaving a .venv that points nowhere."""
    machine.add_python("python3", "3.11.7")
    machine.run("setup")
    machine.asked()
    python = machine.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")
    assert machine.run("setup").returncode == 0
    assert machine.asked()[0] == "python3 -m venv .venv"


def test_a_missing_venv_module_is_named(machine: Machine) -> None:
    """Prevents Debian's python3 without venv ending in a message about ensurepip."""
    machine.add_python("python3", "3.11.7", has_venv=False)
    done = machine.run("setup")
    assert done.returncode == 1
    assert "python3.11-venv" in done.stderr


# --- script/fetch-mysql


def test_a_fetched_mysql_is_printed_at_once(machine: Machine, tmp_path: Path) -> None:
    """Prevents repeated downloads, a half-unpacked server being run, and a cached one not being used without apt."""
    cache = tmp_path / "cache" / "afterstate"
    for folder in ("mysql-9.7.4-2", "mysql-9.10.0-1", "mysql-fetch.part.x1y2z3"):
        fake_program(cache / folder / "mysqld", "exit 1")
    begin = time.monotonic()
    done = machine.run("fetch-mysql", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{cache / 'mysql-9.10.0-1' / 'mysqld'}\n"
    assert time.monotonic() - begin < 2


def test_a_machine_without_apt_cannot_fetch(machine: Machine, tmp_path: Path) -> None:
    """Prevents the tests' skip message not saying why, or CI taking this for a fetched server."""
    done = machine.run("fetch-mysql", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "apt-get" in done.stderr
    assert "mysqld` on PATH" in done.stderr


def test_a_machine_without_a_debian_mirror_cannot_fetch(machine: Machine, tmp_path: Path) -> None:
    """Prevents `deb  unstable main` with no address, and apt's complaint about it."""
    (machine.bin / "head").symlink_to(str(shutil.which("head")))
    fake_program(machine.bin / "apt-get", "exit 0")
    done = machine.run("fetch-mysql", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "no Debian mirror" in done.stderr


def test_the_real_mysql_is_fetched_once() -> None:
    """Prevents the cache's folder and the script's idea of it drifting apart."""
    fetched = server_program("mysql")
    done = subprocess.run([ROOT / "script" / "fetch-mysql"], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == fetched
