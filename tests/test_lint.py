"""The linters really run and fail: a planted violation is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

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
    """Prevents: a linter that lints nothing, without anybody knowing."""
    (tmp_path / "planted.sql").write_text(planted)
    command = [BIN / "sqlfluff", "lint", "--config", ROOT / ".sqlfluff", tmp_path / "planted.sql"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
