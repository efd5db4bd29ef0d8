"""Landing as the command line does it: with progress, from files, folders and standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from afterstate.cli import console
from afterstate.errors import UsageError
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.requirements import FASTER_LANDING, SWITCH_ON
from afterstate.warehouse.settings import Settings
from loaders.encoding import known_encoding
from loaders.kinds import Kind
from loaders.land import FileResult, Lander, find_files, no_room_for_temporary_files
from loaders.runs import Told
from loaders.side_by_side import land_files

STANDARD_INPUT = Path("-")


def land_paths(
    paths: Sequence[Path],
    *,
    kind: Kind | None = None,
    told: Told | None = None,
    encoding: str | None = None,
    quiet: bool = False,
) -> list[FileResult]:
    """Land files, all files in folders, and `-`, which is standard input, and say what became of each.

    `encoding` is theirs where it is not UTF-8, as Python names it. Raises UsageError for one that Python does not know,
    for a path that is neither, and for standard input without its kind, session and run: it has no name.
    """
    told = told or Told()
    codec = known_encoding(encoding) if encoding is not None else None
    if STANDARD_INPUT in paths:
        _require_told(kind, told)
    files = find_files([path for path in paths if path != STANDARD_INPUT])
    with console.byte_progress(quiet=quiet) as progress:
        lander = Lander(read_warehouse(Settings.from_environment()), kind, progress, told, codec)
        if files and not lander.has_load_data:
            console.say(f"the server's local_infile is off, so files land by INSERT; {FASTER_LANDING}.\n  {SWITCH_ON}")
        results = land_files(lander, files)
        if kind and STANDARD_INPUT in paths:
            results.append(_land_standard_input(lander, kind))
        return results


def _require_told(kind: Kind | None, told: Told) -> None:
    if not kind:
        raise UsageError("`-` is standard input, which has no name to tell a kind from", "name it with `--kind KIND`")
    if kind.is_stated_by_run and not (told.session and told.run):
        raise UsageError(
            f"`-` is standard input, and a {kind.name} belongs to a session and a run",
            "name them with `--session NAME --run RUN`",
        )


def _land_standard_input(lander: Lander, kind: Kind) -> FileResult:
    """Land a copy: whether a content has landed before is known from all of it."""
    with tempfile.NamedTemporaryFile(prefix="afterstate-") as passing:
        with no_room_for_temporary_files("standard input"):
            shutil.copyfileobj(sys.stdin.buffer, passing)
            passing.flush()
        return lander.land_passing(Path(passing.name), kind, str(STANDARD_INPUT), "standard input")
