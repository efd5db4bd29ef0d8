"""What the command lines of the benchmarks share: their arguments, what a run says of itself, what it writes."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from afterstate.server.config import memory_bytes
from benchmarks.landing.comparison import OTHERS_PYTHON
from benchmarks.landing.servers import ROOT


class Report(Protocol):
    """The figures of a run."""

    def markdown(self) -> str:
        """Return the tables."""
        ...

    def as_json(self) -> dict[str, object]:
        """Return every measurement."""
        ...


class Parser(argparse.ArgumentParser):
    """The arguments of a script, with its module's docstring as the help."""

    def __init__(self, name: str, docstring: str | None) -> None:
        """Set up the help; arguments are added one by one."""
        description, _, rest = (docstring or "").partition("\n\n")
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog=f"script/{name}", description=description, epilog=rest, formatter_class=formatter)

    def add_names(self, option: str, known: Sequence[str]) -> None:
        """Add an option for some of the known names; all by default."""
        read = partial(_names, known=known)
        self.add_argument(option, type=read, default=list(known), help=f"some of {','.join(known)}; default all")

    def add_sizes(self, option: str, default: str, what: str = "rows") -> None:
        """Add an option for a list of sizes."""
        self.add_argument(option, type=_sizes, default=default, help=f"{what}; default %(default)s")

    def add_outputs(self, page: str | None = None, *, with_picture: bool = True) -> None:
        """Add options for the files to write; with `page`, also for the tables in the documentation."""
        self.add_argument("--json", type=Path, help="write every measurement here")
        self.add_argument("--markdown", type=Path, help="write the tables here")
        if page:
            self.add_argument("--docs", type=Path, help=f"write the tables between the marks in this file, {page}")
        if with_picture:
            self.add_argument("--out", type=Path, help="draw a picture here, .svg or .png")


def about(rounds: int, python: Path, packages: Sequence[str]) -> dict[str, object]:
    """Return the machine and the versions of `packages` in the environment of a Python, empty where it is missing."""
    facts: dict[str, object] = {
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory, GiB": round(memory_bytes() / 2**30),
        "rounds": rounds,
        "Python": platform.python_version(),
    }
    if python.exists():
        (site,) = (python.parents[1] / "lib").glob("python*/site-packages")
        found = {one.name.lower(): one.version for one in importlib.metadata.distributions(path=[str(site)])}
        facts |= {name: found.get(name.lower(), "missing") for name in packages}
    return facts


def write(name: str, arguments: argparse.Namespace, report: Report, folder: Path) -> None:
    """Write what was asked for; `folder` takes what only the picture is drawn from."""
    figures: Path = arguments.json or folder / "figures.json"
    figures.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(report.markdown(), encoding="utf-8")
    if getattr(arguments, "docs", None):
        _paste(arguments.docs, f"benchmark-{name}", report.markdown())
    if getattr(arguments, "out", None):
        draw = [OTHERS_PYTHON, "-m", f"benchmarks.{name}.picture", figures.resolve(), arguments.out.resolve()]
        subprocess.run(draw, cwd=ROOT, check=True)


def read_rows(text: str) -> int:
    """Return the rows that a size such as 300, 20k or 2M stands for; raise ArgumentTypeError for another text."""
    found = re.fullmatch(r"(\d+)([kM]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of rows, expected one like 300, 20k or 2M")
    return int(found[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[found[2]]


def _sizes(text: str) -> list[int]:
    return [read_rows(size) for size in text.split(",")]


def _names(text: str, known: Sequence[str]) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {','.join(known)}")
    return names


def _paste(page: Path, name: str, tables: str) -> None:
    """Replace what stands between the marks of that name; end the program where the page has none."""
    begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{name}: `{page}` has no `{begin}` and `{end}` to write between")
    page.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}", encoding="utf-8")
