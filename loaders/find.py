"""The files that `land` looks at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from afterstate.errors import UsageError
from loaders.runs import InputFile


def find_files(paths: Sequence[Path]) -> list[InputFile]:
    """Return the files that `land` looks at: those named, and all in the folders named, hidden ones left out.

    A folder that may not be read is among them, so that its files are not left out silently: landing it fails.
    Raises UsageError for what is neither, such as a pipe: landing reads a file more than once.
    """
    found: dict[Path, InputFile] = {}
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise UsageError(
                f"`{path}` is neither a file nor a folder",
                "write it to a file and land that, or pipe it: `… | afterstate land - --kind KIND`",
            )
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if not hidden and (file.is_file() or _is_closed(file)):
                found.setdefault(file, InputFile(file, path))
    return list(found.values())


def _is_closed(path: Path) -> bool:
    """Return whether this is a folder whose files cannot be listed."""
    if not path.is_dir():
        return False
    try:
        os.scandir(path).close()
    except PermissionError:
        return True
    return False
