"""Pages of the docs, followed word for word: what they tell to type is typed, and what they show must come out.

In a `console` block a line after `$` is typed into one bash for the page (`>` continues it), and the lines below it are
what it shows. A `python` block runs as a program, and a `text` block right below is what it prints. `…` stands for any
text in a line, a line of `...` for any lines; a command that shows nothing must still succeed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "\x1e"
STEP_SECONDS = 240  # a step that waits for something fails, and the rest of the suite goes on
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Step:
    """What is typed, on which line of the page, and what is shown below it."""

    line_no: int
    typed: str
    is_python: bool = False
    shown: list[str] = field(default_factory=list)


def steps(page: Path) -> list[Step]:
    """Return what a page tells to do, in its order."""
    text, found = page.read_text(encoding="utf-8"), []
    for block in _BLOCK.finditer(text):
        line_no = text.count("\n", 0, block.start()) + 2
        if block[1] == "console":
            found += _typed(block[2], line_no)
        elif block[1] == "python":
            found.append(Step(line_no, block[2], is_python=True))
        elif block[1] == "text" and found:
            found[-1].shown = block[2].splitlines()
    return found


def _typed(block: str, line_no: int) -> Iterator[Step]:
    step = None
    for number, line in enumerate(block.splitlines(), start=line_no):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line.removeprefix("$ "))
        elif step is None:
            raise ValueError(f"line {number}: a console block begins with `$ `, not `{line}`")
        elif line.startswith(">") and not step.shown and (step.typed.endswith("\\") or "<<" in step.typed):
            step.typed += "\n" + line[2:]
        else:
            step.shown.append(line)
    if step:
        yield step


def follow(page: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Do what a page says, in `folder`; raises AssertionError at the first step that fails or shows something else."""
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        for step in steps(page):
            code, said = _type(shell, step)
            where = f"{page.name}, line {step.line_no}: {step.typed.strip()}\nsaid:\n{said}"
            assert code == 0 or step.shown, where
            assert not step.shown or matches(step.shown, said.splitlines()), "\n".join([where, "shown:", *step.shown])
        assert shell.stdin
        shell.stdin.close()


def _type(shell: subprocess.Popen[str], step: Step) -> tuple[int, str]:
    assert shell.stdin
    assert shell.stdout
    typed = f"{sys.executable} - <<'PYTHON'\n{step.typed}PYTHON" if step.is_python else step.typed
    shell.stdin.write(f"{{ {typed}\n}} </dev/null\n" if not step.is_python else f"{typed}\n")
    shell.stdin.write(f"printf '\\n{MARK}%d\\n' $?\n")
    shell.stdin.flush()
    said: list[str] = []
    watchdog = threading.Timer(STEP_SECONDS, os.killpg, (shell.pid, signal.SIGKILL))
    watchdog.start()
    try:
        for line in shell.stdout:
            if line.startswith(MARK):
                return int(line[1:]), "".join(said).rstrip("\n")
            said.append(line)
    finally:
        watchdog.cancel()
    raise AssertionError(f"the shell ended at: {typed}\n{''.join(said)}")


def matches(shown: list[str], said: list[str]) -> bool:
    """Tell whether what came out is what is shown; blanks at the ends of lines do not count."""
    parts = [r"(?:[^\n]*\n)*?" if line == "..." else _pattern(line) + r"[ \t]*\n" for line in shown]
    return re.fullmatch("".join(parts), "".join(f"{line.rstrip()}\n" for line in said)) is not None


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("…"))
