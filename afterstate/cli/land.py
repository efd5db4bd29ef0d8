"""Landing as the command line does it: with progress, from files, folders and standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from afterstate.cli import console
from afterstate.cli.group import FAILED, ROWS_REJECTED
from afterstate.cli.options import ENCODING, JSON_LIST, InputPath, kind_option
from afterstate.cli.results import NEW, show_messages, show_results
from afterstate.errors import UsageError
from afterstate.progress import byte_progress
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.requirements import FASTER_LANDING, SWITCH_ON
from afterstate.warehouse.settings import Settings
from loaders.content import Progress
from loaders.encoding import known_encoding
from loaders.find import find_files
from loaders.kinds import Kind
from loaders.land import FileLander, Lander
from loaders.recognise import kind_named
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions
from loaders.side_by_side import land_files
from loaders.temporary import no_room_for_temporary_files

STANDARD_INPUT = Path("-")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=InputPath(allow_dash=True))
@click.option("--session", metavar="NAME", help="The session of nand files; by default, their folder's name.")
@click.option("--run", metavar="RUN", help="The run of nand files whose names lack it.")
@kind_option("Treat every file as one of")
@ENCODING
@click.option("--lake", metavar="URI", help="Land into Delta tables instead: a folder, or s3://…")
@click.option("--strict", is_flag=True, help="Exit with 3 if rows were rejected; the others still land.")
@JSON_LIST
def land(
    paths: tuple[Path, ...],
    session: str | None,
    run: str | None,
    kind_name: str | None,
    encoding: str | None,
    lake: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Land files, and all files in folders, exactly once.

    The header decides what kind a file is. Files that landed before are skipped, unknown files are ignored, and rows
    that do not fit go to landing_rejects with the reason. Files may be compressed with gzip or zstd; `-` is standard
    input, with `--kind`.

    \b
    afterstate land samples/core
    afterstate land artifact/ --strict
    afterstate land trace.csv --kind core8_state_trace --json
    afterstate land out/ --session chip_7
    afterstate land excel.csv --encoding cp949
    zcat trace.csv.gz | afterstate land - --kind core8_state_trace
    """  # noqa: D301 (click wants the character that `\b` spells)
    kind = kind_named(kind_name) if kind_name else None
    results = land_paths(
        paths, kind=kind, run_options=RunOptions(session, run), encoding=encoding, lake=lake, quiet=as_json
    )
    if as_json:
        show_messages(results)
        console.print_json([result.as_json() for result in results])
    else:
        show_results(results)
        if lake is None:
            console.suggest(next_step(results))
    if any(result.status == "failed" for result in results):
        sys.exit(FAILED)
    if strict and any(result.rows_rejected for result in results):
        sys.exit(ROWS_REJECTED)


def next_step(results: Sequence[FileResult]) -> str:
    """Return what to do after a landing."""
    statuses = {result.status for result in results}
    if "failed" in statuses:
        return "fix the errors above, then land those files again; all others have landed"
    if statuses & set(NEW):
        return "`afterstate build` builds the tables"
    if statuses & {"unchanged", "superseded"}:
        return "nothing new to build; `afterstate status` says what the warehouse holds"
    return "no file was recognized: docs/landing.md lists the kinds, `--kind KIND` names one"


def land_paths(
    paths: Sequence[Path],
    *,
    kind: Kind | None = None,
    run_options: RunOptions | None = None,
    encoding: str | None = None,
    lake: str | None = None,
    quiet: bool = False,
) -> list[FileResult]:
    """Land files, all files in folders, and `-`, which is standard input, and say what became of each.

    `encoding` is theirs where it is not UTF-8, as Python names it; `lake` is the lake that they land in, None for the
    warehouse on the server. Raises UsageError for an encoding that Python does not know,
    for a path that is neither, and for standard input without its kind, session and run: it has no name.
    """
    run_options = run_options or RunOptions()
    codec = known_encoding(encoding) if encoding is not None else None
    if STANDARD_INPUT in paths:
        _require_run_options(kind, run_options)
    files = find_files([path for path in paths if path != STANDARD_INPUT])
    with byte_progress(quiet=quiet) as progress:
        lander = _lander(lake, kind, progress, run_options, codec, has_files=bool(files))
        results = land_files(lander, files)
        if kind and STANDARD_INPUT in paths:
            results.append(_land_standard_input(lander, kind))
        return results


def _lander(
    lake: str | None,
    kind: Kind | None,
    progress: Progress | None,
    run_options: RunOptions,
    codec: str | None,
    *,
    has_files: bool,
) -> FileLander:
    if lake is not None:
        from loaders.lake.land import LakeLander
        from loaders.lake.tables import Lake

        return LakeLander(Lake(lake), kind, progress, run_options, codec)
    lander = Lander(read_warehouse(Settings.from_environment()), kind, progress, run_options, codec)
    if has_files and not lander.has_load_data:
        console.say(f"the server's local_infile is off, so files land by INSERT; {FASTER_LANDING}.\n  {SWITCH_ON}")
    return lander


def _require_run_options(kind: Kind | None, run_options: RunOptions) -> None:
    if not kind:
        raise UsageError("`-` is standard input, whose kind must be named", "name it with `--kind KIND`")
    if kind.is_stated_by_run and not (run_options.session and run_options.run):
        raise UsageError(
            f"`-` is standard input, and a {kind.name} belongs to a session and a run",
            "name them with `--session NAME --run RUN`",
        )


def _land_standard_input(lander: FileLander, kind: Kind) -> FileResult:
    """Land a copy: whether a content has landed before is known from all of it."""
    with tempfile.NamedTemporaryFile(prefix="afterstate-") as passing:
        with no_room_for_temporary_files("standard input"):
            shutil.copyfileobj(sys.stdin.buffer, passing)
            passing.flush()
        file = Path(passing.name)
        return lander.land_found(InputFile(file, file, str(STANDARD_INPUT), "standard input"), kind)
