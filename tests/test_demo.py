"""A newcomer's first minutes: a fresh checkout, the README's commands, plain dbt, in the shell that they would use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from afterstate.cli.main import main
from tests.bench import ROOT
from tests.test_repository import tracked
from tests.warehouse.notebook import COLUMNS
from tests.warehouse.test_snapshot import NOTEBOOK_ROW

CSV = "artifact/core10/core10_02_shutdown_snapshot.csv"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a fresh copy of the repository in an empty folder; its server is stopped at the end."""
    place = tmp_path_factory.mktemp("clone") / "afterstate"
    for path in tracked():
        target = place / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    yield place
    run(place, ".venv/bin/afterstate down")
    shutil.rmtree(place, ignore_errors=True)


def run(place: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in the checkout, with nothing of Afterstate in the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSTATE_", "DBT_"))}
    environment |= {"NO_COLOR": "1", "PIP_COMPILE": "0"}  # Python compiles what it imports, and pip would compile all
    return subprocess.run(
        ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
    )


def test_the_demo_and_plain_dbt(checkout: Path) -> None:
    """Prevents a first command that fails or shows something else, and a second run that changes anything."""
    first = run(checkout, "./script/demo")
    assert first.returncode == 0, first.stdout + first.stderr
    exported = (checkout / CSV).read_text()
    assert exported.splitlines()[1].rpartition(",")[0] == NOTEBOOK_ROW
    for shown in ("CORE8_PARTIAL_SEAL", "0.441709", "landed   2,452 rows of 12 files, 0 rejected", CSV, "profiles.yml"):
        assert shown in first.stdout

    # Its last lines lead to the picture of the shutdown, and to the line that a value came from.
    report = Path(first.stdout.partition("look at it")[2].split()[0].removeprefix("file://"))
    assert "core7_04_1767776352" in report.read_text()
    why = first.stdout.partition("why these values")[2].splitlines()[0].strip()
    told = run(checkout, why)
    assert "core8_03_refusal_state_trace_counterfactual.csv, line " in told.stdout, told.stderr

    again = run(checkout, "./script/demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("\nunchanged ") == 12
    assert "landed   2,452 rows of 12 files, 0 rejected" in again.stdout
    assert (checkout / CSV).read_text() == exported

    for command in ("build", "test", "docs generate", "source freshness"):
        plain = run(checkout, f". .venv/bin/activate && dbt {command}")
        assert plain.returncode == 0, plain.stdout + plain.stderr
    seen_by_git = run(checkout, "git init -q . && git status --porcelain --ignored=no -uall")
    assert seen_by_git.returncode == 0, seen_by_git.stderr
    assert "?? afterstate/cli/main.py\n" in seen_by_git.stdout
    assert "?? profiles.yml\n" not in seen_by_git.stdout  # it has passwords
    doctor = run(checkout, ".venv/bin/afterstate doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


def test_the_readme_shows_what_the_demo_prints() -> None:
    """Prevents a first screen that promises something else than the command shows."""
    block = (ROOT / "README.md").read_text().partition("The demo ends with:\n\n")[2].partition("\n\nand the paths")[0]
    shown = dict(line.split(maxsplit=1) for line in block.splitlines() if line.startswith("      "))
    expected = dict(zip([*COLUMNS, "snapshot_rule_id"], NOTEBOOK_ROW.split(","), strict=True))
    assert shown == expected


def test_every_command_in_the_readme_exists() -> None:
    """Prevents documentation of commands that are gone."""
    text = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    named = set(re.findall(r"(?<!from )\bafterstate ([a-z][a-z-]*)\b", text))
    prose = {"is", "command"}
    assert named - prose <= set(main.list_commands(click.Context(main))), named
