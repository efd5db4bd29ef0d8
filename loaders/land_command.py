"""Landing as the command line does it: with progress, over one connection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loaders import console
from loaders.landing.kinds import Kind
from loaders.landing.land import FileResult, Lander, find_files
from loaders.landing.runs import Told
from loaders.profile import read_warehouse
from loaders.settings import Settings


def land_paths(
    paths: Sequence[Path], *, kind: Kind | None = None, told: Told | None = None, quiet: bool = False
) -> list[FileResult]:
    """Land files and all files in folders, and say what became of each. Raises UsageError for what is neither."""
    files = find_files(paths)
    with console.byte_progress(quiet=quiet) as progress:
        lander = Lander(read_warehouse(Settings.from_environment()), kind, progress, told)
        return [lander.land(found.file, found.root) for found in files]
