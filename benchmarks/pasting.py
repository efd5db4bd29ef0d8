"""Writing a benchmark's tables into a page, between two marks."""

from __future__ import annotations

import sys
from pathlib import Path


def paste(page: Path, name: str, tables: str) -> None:
    """Replace what stands between the marks of that name; end the program where the page has none."""
    begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{name}: `{page}` has no `{begin}` and `{end}` to write between")
    page.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}", encoding="utf-8")
