"""The linters really run and fail: a planted violation is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import ROOT
from tools import raised, sizes

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "planted",
    [
        "SELECT run_id from {{ ref('x') }}\n",
        "select\n    a\n    , b\nfrom {{ ref('x') }}\n",
        "select a from {{ nosuch }}\n",
    ],
    ids=["upper-case keyword", "leading comma", "undefined name"],
)
def test_sqlfluff_finds_a_planted_violation(tmp_path: Path, planted: str) -> None:
    """Prevents a linter that lints nothing, without anybody knowing."""
    (tmp_path / "planted.sql").write_text(planted)
    command = [BIN / "sqlfluff", "lint", "--config", ROOT / ".sqlfluff", tmp_path / "planted.sql"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout


PLANTED_IMPORTS = {
    "simulators.nand.bus": "afterstate.errors",
    "loaders.withdraw": "afterstate.marts.sessions",
    "loaders.encode": "loaders.store",
    "afterstate.phase_key": "afterstate.output",
    "afterstate.warehouse.up": "afterstate.cli.console",
}


def test_import_linter_finds_planted_violations(tmp_path: Path) -> None:
    """Prevents a room that comes to lean on another, because a rule about it looks at nothing."""
    for room in ("afterstate", "loaders", "simulators"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, imported in PLANTED_IMPORTS.items():
        with (tmp_path / f"{module.replace('.', '/')}.py").open("a") as source:
            source.write(f"\nimport {imported}\n")
    command = [BIN / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"0 kept, {len(PLANTED_IMPORTS)} broken" in done.stdout, done.stdout
    for module, imported in PLANTED_IMPORTS.items():
        assert f"{module} -> {imported}" in done.stdout
    assert done.returncode == 1


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    """Prevents modules, functions and models that grow until nobody reads them to their end."""
    (tmp_path / "loaders").mkdir()
    (tmp_path / "models").mkdir()
    function = 'def long() -> None:\n    """Do much."""\n' + "    pass\n" * 41
    (tmp_path / "loaders" / "long.py").write_text(function + "\n" * 300)
    (tmp_path / "models" / "long.sql").write_text("select 1\n" * 100)
    found = list(sizes.find_problems(tmp_path))
    assert [line.partition(", expected")[0] for line in found] == [
        "loaders/long.py: 343 lines",
        "loaders/long.py:1: `long` has 41 lines",
        "models/long.sql: 100 lines",
    ]


def test_an_error_that_is_not_said_is_found(tmp_path: Path) -> None:
    """Prevents a caller who is surprised by an error that the docstring keeps from him."""
    (tmp_path / "loaders").mkdir()
    (tmp_path / "loaders" / "silent.py").write_text(
        'def silent() -> None:\n    """Do it."""\n    if 1:\n        raise UsageError("no")\n\n\n'
        'def honest() -> None:\n    """Do it. Raises UsageError for what is wrong."""\n    raise UsageError("no")\n'
    )
    assert list(raised.find_problems(tmp_path)) == [
        "loaders/silent.py:1: `silent` does not say that it raises UsageError"
    ]
