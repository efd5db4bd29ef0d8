"""The package, as pip installs it into an empty environment: what it brings, and the whole road in an empty folder."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import ROOT, server_program

PYTHON = """
from afterstate import land_frame, read
frame = read("shutdown_state_snapshot")
print(frame.loc[0, "SoMS_cumsum_window"], frame.loc[0, "veto_streak"], frame["snapshot_created_at"].dtype)
import pandas
print(land_frame(pandas.read_csv("trace.csv").head(3)).status)
"""


def run(*line: str | Path, folder: Path, **environment: str) -> str:
    """Run a program, which must succeed, and return what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSTATE_", "PYTHON"))}
    done = subprocess.run(
        [str(part) for part in line],
        cwd=folder,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty environment into which pip has installed the package, as built from the checkout."""
    folder = tmp_path_factory.mktemp("package")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "wheel", ROOT, folder=folder)
    [wheel] = (folder / "wheel").iterdir()
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    inside = (*pip, "--python", folder / "venv")
    run(*inside, "install", "--no-compile", wheel, folder=folder)  # compiling what is not used takes half a minute
    run(*inside, "check", folder=folder)
    return folder / "venv"


def test_no_dbt_is_installed_over_another(venv: Path) -> None:
    """Prevents `pip install` from taking away the `dbt` of somebody who has one in the same environment."""
    assert "dbt_afterstate" not in (venv / "bin" / "dbt").read_text()
    listed = run(sys.executable, "-m", "pip", "--python", venv, "show", "--files", "afterstate", folder=venv)
    assert [Path(line).name for line in listed.splitlines() if "/bin/" in line] == ["afterstate"]


def test_the_whole_road_in_an_empty_folder(venv: Path, tmp_path: Path) -> None:
    """Prevents a package that lacks its models, writes into itself, or works in a checkout only."""
    project = venv / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "afterstate" / "project"
    files = sorted(project.rglob("*"))
    sample = ROOT / "samples" / "core"
    (tmp_path / "trace.csv").write_bytes((sample / "core8_03_refusal_state_trace_counterfactual.csv").read_bytes())
    environment = {"HOME": str(tmp_path / "me"), "AFTERSTATE_SERVER_PROGRAM": str(server_program("mariadb"))}

    def afterstate(*arguments: str | Path) -> str:
        return run(venv / "bin" / "afterstate", *arguments, folder=tmp_path, **environment)

    try:
        assert str(tmp_path / "me" / ".afterstate" / "profiles.yml") in afterstate("up")
        assert "files: 4 landed" in afterstate("land", sample)
        afterstate("build", "--quiet", "--select", "+shutdown_state_snapshot")
        afterstate("export", "snapshot", "--out", "snapshot.csv")
        with (tmp_path / "snapshot.csv").open(newline="") as stream:
            [row] = csv.DictReader(stream)
        assert (row["run_id"], row["SoMS_cumsum_window"], row["veto_streak"]) == ("core7_04_1767776352", "7.2", "1")
        said = run(venv / "bin" / "python", "-c", PYTHON, folder=tmp_path, **environment)
        assert said.splitlines() == ["7.2 1 datetime64[us, UTC]", "landed"]
        assert "no problems found" in afterstate("doctor").splitlines()
    finally:
        afterstate("down")
    assert sorted(project.rglob("*")) == files
    assert {path.name for path in tmp_path.iterdir()} == {"me", "trace.csv", "snapshot.csv"}
