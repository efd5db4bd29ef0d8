"""`afterstate build` on a terminal, in a pipe, and where NO_COLOR asks for plain lines."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.bench import Bench
from tests.server.helpers import AFTERSTATE

Show = Callable[[Bench, dict[str, str]], str]


def in_a_pipe(bench: Bench, variables: dict[str, str]) -> str:
    return build(bench, variables, subprocess.PIPE).communicate()[0]


def on_a_terminal(bench: Bench, variables: dict[str, str], *options: str) -> str:
    ours, its = pty.openpty()
    process = build(bench, variables, its, *options, stderr=its if options else None)
    os.close(its)
    shown = b""
    with suppress(OSError):  # what Linux says once nobody has the other end open
        while block := os.read(ours, 1 << 16):
            shown += block
    os.close(ours)
    process.wait()
    return shown.decode()


def build(
    bench: Bench, variables: dict[str, str], stdout: int, *options: str, stderr: int | None = None
) -> subprocess.Popen[str]:
    environment = bench.process_environment
    kept = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "DBT_USE_COLORS")}
    return subprocess.Popen(
        [str(AFTERSTATE), "build", "--select", "stg_landing__loads", "--resource-type", "model", *options],
        env={**kept, "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
    )


@pytest.mark.parametrize(
    ("show", "variables", "is_coloured"),
    [
        (in_a_pipe, {}, False),
        (on_a_terminal, {}, True),
        (on_a_terminal, {"NO_COLOR": "1"}, False),
        (on_a_terminal, {"NO_COLOR": ""}, True),  # no-color.org: only when it is not empty
        (in_a_pipe, {"DBT_USE_COLORS": "True"}, True),
    ],
)
def test_colours_are_for_terminals(warehouse: Bench, show: Show, variables: dict[str, str], is_coloured: bool) -> None:
    """Prevents a log file full of escape sequences, and a terminal without colours that nobody asked it to drop."""
    shown = show(warehouse, variables)
    assert "PASS=1" in shown
    assert ("\x1b[" in shown) is is_coloured


def test_a_quiet_build_shows_how_far_it_has_come_on_a_terminal(warehouse: Bench) -> None:
    """Prevents half a minute of nothing, and bars in the log of who asked for quiet."""
    shown = on_a_terminal(warehouse, {"COLUMNS": "120"}, "--quiet")
    assert "stg_landing__loads" in shown
    assert "1/1" in shown
    assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[2K" in shown  # the bar is gone at the end
    process = build(warehouse, {}, subprocess.PIPE, "--quiet", stderr=subprocess.PIPE)
    assert process.communicate() == ("", "")
    assert process.returncode == 0
