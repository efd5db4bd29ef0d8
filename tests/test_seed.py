"""What is left to chance can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.bench import ROOT
from tests.seed import VARIABLE

DRAWS = """
import random

from hypothesis import given, strategies

from tests.conftest import dice

drawn = []

@given(strategies.integers())
def test_examples(number):
    drawn.append(number)

def test_dice(dice, capsys):
    with capsys.disabled():
        print("drew", dice.random(), drawn)
"""


def drawn(folder: Path, seed: str | None) -> str:
    """Run a test that draws, in a session of its own; return what it drew."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    (folder / "test_draws.py").write_text(DRAWS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", folder, folder],
        env={**environment, "PYTHONPATH": str(ROOT), **({VARIABLE: seed} if seed else {})},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"{VARIABLE}={seed or ''}") == 2
    return next(line for line in done.stdout.splitlines() if "drew" in line)


def test_a_seed_repeats_what_was_drawn(tmp_path: Path) -> None:
    """Prevents a failure that was left to chance from being seen once and never again."""
    first = drawn(tmp_path, "17")
    assert first == drawn(tmp_path, "17")
    assert first != drawn(tmp_path, None)
