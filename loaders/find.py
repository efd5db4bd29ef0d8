"""The files that `land` looks at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from afterstate.errors import UsageError
from loaders.runs import InputFile


def find_files(paths: Sequence[Path]) -> list[InputFile]:
    """Return the files that `land` looks at: those named, and all in the folders named, hidden ones left out.

    A folder that may not be listed or entered is among them, in place of its files: landing it fails, and says so.
    Raises UsageError for what is neither, such as a pipe: landing reads a file more than once.
    """
    found: dict[Path, InputFile] = {}
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise UsageError(
                f"`{path}` is neither a file nor a folder",
                "write it to a file and land that, or pipe it: `… | afterstate land - --kind KIND`",
            )
        for file in (path, *sorted(path.rglob("*"))) if path.is_dir() else (path,):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if not hidden and _is_to_land(file):
                found.setdefault(file, InputFile(file, path))
    return list(found.values())


def _is_to_land(path: Path) -> bool:
    """Return whether this is a file, or a folder whose files cannot be reached."""
    try:
        return path.is_file() or (path.is_dir() and _is_closed(path))
    except PermissionError:  # the folder that it is in is closed
        return False


def _is_closed(folder: Path) -> bool:
    """Return whether a folder may not be listed (its `r`), or not be entered (its `x`)."""
    try:
        os.scandir(folder).close()
        os.stat(os.path.join(folder, os.curdir))  # noqa: PTH116, PTH118 (pathlib leaves the `.` out)
    except PermissionError:
        return True
    return False
