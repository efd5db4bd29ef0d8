"""What every checker of `script/lint` does with the problems that it finds."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def report(problems: Iterable[str]) -> int:
    """Print problems to standard error and return the exit code: 1 where there are any."""
    found = list(problems)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0
