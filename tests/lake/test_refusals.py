"""A lake that cannot be opened is refused in a line that says why, and nothing is landed anywhere else instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.bench import ROOT
from tests.lake.helpers import run
from tests.loaders.faults import TIMEOUT_SECONDS
from tests.loaders.helpers import TRACE_FILE, trace

CLOSED_STORE = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that would land."""
    path = tmp_path / TRACE_FILE
    path.write_text(trace([(1,)]), encoding="utf-8")
    return path


def test_an_empty_name_is_wrong_usage(file: Path) -> None:
    """Prevents `--lake "$LAKE"`, with no such variable, from landing into the server."""
    result = run("land", file, "--lake", "")
    assert result.exit_code == 2
    assert "`--lake` is empty" in result.stderr


@pytest.mark.parametrize(
    ("lake", "reason"),
    [("ftp://example/lake", "Unknown scheme: ftp\n"), ("{file}/lake", "Not a directory\n")],
)
def test_a_place_that_is_none_is_refused_in_a_line(lake: str, reason: str, file: Path) -> None:
    """Prevents the dozens of schemes, or the parts of a system's error, from hiding what is wrong."""
    result = run("land", file, "--lake", lake.format(file=file))
    assert result.exit_code == 1
    what, hint = result.stderr.strip().split("\n")
    assert f"{what}\n".endswith(reason)
    assert "s3://bucket/lake" in hint


def test_a_store_that_is_down_is_refused_in_a_line(file: Path) -> None:
    """Prevents a store's causes from coming one below the other, and warnings of its library from coming first."""
    store = {**CLOSED_STORE, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{programs.free_port()}"}
    done = subprocess.run(
        [sys.executable, "-m", "afterstate", "land", file, "--lake", "s3://bucket/lake"],
        cwd=ROOT,
        env={**os.environ, **store},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    what, hint = done.stderr.strip().split("\n")
    assert "Connection refused" in what
    assert "AWS_ACCESS_KEY_ID" in hint
