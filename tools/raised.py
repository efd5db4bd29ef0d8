"""Find public functions that raise something of which their docstring says nothing.

Docstrings say it in a sentence ("Raises UsageError for …"), where pydoclint and ruff's DOC rules want a section for it.

    python -m tools.raised             # called by script/lint
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.problems import report

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("afterstate", "loaders", "simulators")
# What a caller is not told of: slips of the programmer, the ends of iterators and of commands.
UNSAID = ("AssertionError", "AttributeError", "NotImplementedError", "StopIteration", "SystemExit", "Abort", "Exit")


def find_problems(root: Path) -> Iterator[str]:
    """Yield each function with what it raises unsaid, its place first."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for function, said in _public_functions(tree.body, ""):
                for name in sorted({*_raised(function.body)} - {*UNSAID}):
                    if name not in said:
                        place = f"{path.relative_to(root)}:{function.lineno}"
                        yield f"{place}: `{function.name}` does not say that it raises {name}"


def _public_functions(body: list[ast.stmt], of_class: str) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Yield public functions and methods, and what their docstrings say; a class speaks for its `__init__`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, ast.get_docstring(node) or " ")
        elif isinstance(node, ast.FunctionDef) and _is_public(node):
            yield node, (ast.get_docstring(node) or "") + (of_class if node.name.startswith("__") else "")


def _is_public(function: ast.FunctionDef) -> bool:
    """Return whether programs call a function; what a command says is its help."""
    is_command = any("command" in ast.unparse(decorator) for decorator in function.decorator_list)
    return not is_command and (not function.name.startswith("_") or function.name.startswith("__"))


def _raised(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names of the exceptions that statements raise, but for those that they catch themselves."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = raised.attr if isinstance(raised, ast.Attribute) else getattr(raised, "id", "")
            if name[:1].isupper():
                yield name
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                statements = [each for each in value if isinstance(each, ast.stmt)]
                handlers = [each for each in value if isinstance(each, ast.ExceptHandler)]
                yield from _raised([*statements, *(each for handler in handlers for each in handler.body)])


def main() -> int:
    """Print every problem and return the exit code."""
    return report(find_problems(ROOT))


if __name__ == "__main__":
    sys.exit(main())
