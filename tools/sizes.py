"""Find what is too long to be read in one go: modules of 300 lines, functions of 40, models of 100.

python -m tools.sizes              # called by script/lint
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.problems import report

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("afterstate", "loaders", "simulators", "tools")
MODULE_LINES, FUNCTION_LINES, MODEL_LINES = 300, 40, 100


def find_problems(root: Path) -> Iterator[str]:
    """Yield what is too long, with its place and its lines."""
    modules = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    for path in [*modules, *sorted(root.glob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(root)
        if (lines := len(text.splitlines())) >= MODULE_LINES:
            yield f"{place}: {lines} lines, expected fewer than {MODULE_LINES}; it has more than one subject"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := _lines_of(node)) > FUNCTION_LINES:
                yield f"{place}:{node.lineno}: `{node.name}` has {lines} lines, expected at most {FUNCTION_LINES}"
    for path in sorted((root / "models").rglob("*.sql")):
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) >= MODEL_LINES:
            yield f"{path.relative_to(root)}: {lines} lines, expected fewer than {MODEL_LINES}; split it in two"


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body, without its arguments and its docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def main() -> int:
    """Print every problem and return the exit code."""
    return report(find_problems(ROOT))


if __name__ == "__main__":
    sys.exit(main())
