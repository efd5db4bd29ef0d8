"""`afterstate export`: marts as the files that their users' scripts read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.options import JSON, RULE, OutputPath, boundary_option, require_one_output
from afterstate.marts.export import count_snapshots, export_phase_counts, export_snapshot
from afterstate.memory.snapshots import health_of, require_snapshots_built, rule_to_export
from afterstate.output import is_standard_output
from afterstate.phase_key import Boundary
from afterstate.progress import counting
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.reader import visible


@click.group()
def export() -> None:
    """Write marts to files.

    \b
    afterstate export snapshot --out core10_02_shutdown_snapshot.csv
    afterstate export phase-counts --session chip_1 --run 261122_0000001 --out counts/
    """  # noqa: D301 (click wants the character that `\b` spells)


@export.command()
@click.option(
    "--out",
    required=True,
    type=OutputPath(dir_okay=False, allow_dash=True, path_type=Path),
    help="The CSV file to write; `-` is standard output.",
)
@RULE
@click.option("--stale", is_flag=True, help="Export the last build, even if files have landed since.")
@JSON
def snapshot(out: Path, rule: str | None, stale: bool, as_json: bool) -> None:
    """Write the snapshots of one rule as the notebook did.

    The file is the notebook's core10_02_shutdown_snapshot.csv.

    With `--json`, standard output describes the file.

    \b
    afterstate export snapshot --out core10_02_shutdown_snapshot.csv
    afterstate export snapshot --out - | head -2
    afterstate export snapshot --out snapshot.csv --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    require_one_output(out, as_json)
    settings = Settings.from_environment()
    warehouse = read_warehouse(settings)
    wanted = rule_to_export(settings, warehouse, rule)
    if not stale:
        require_snapshots_built(warehouse)
    with counting("exporting snapshots", lambda: count_snapshots(warehouse, wanted), as_json) as advance:
        rows = export_snapshot(warehouse, wanted, out, advance)
    incomplete, drifted = health_of(warehouse, wanted)
    if as_json:
        counts = {"snapshots": rows, "incomplete": incomplete, "drifted": drifted}
        console.print_json({"file": str(out), "rule": wanted, **counts})
        return
    _show_written("snapshots", rows, out, f" (incomplete: {incomplete:,}, drifted: {drifted:,})")
    marts = warehouse.schemas.marts
    if incomplete:
        console.say(f"  what incomplete snapshots wait for: `{marts}.shutdown_snapshot_inputs`, column missing_inputs")
    if drifted:
        console.say(f"  what the files say now: `{marts}.shutdown_snapshot_drift`, or `afterstate status`")
    console.suggest("`afterstate explain snapshot --help`: why a value is what it is, to its file and line")


@export.command(name="phase-counts")
@click.option("--session", required=True, metavar="NAME", help="The session.")
@click.option("--run", required=True, metavar="RUN", help="Its run, YYMMDD_RUNID.")
@click.option(
    "--out",
    required=True,
    type=OutputPath(file_okay=False, allow_dash=True, path_type=Path),
    help="The folder to write to; `-` is standard output.",
)
@boundary_option("before")
@JSON
def phase_counts(session: str, run: str, out: Path, boundary: Boundary, as_json: bool) -> None:
    """Write a run's proposal counts as its simulator does.

    The file is phase_proposal_counts_RUN.csv.

    With `--json`, standard output describes the file.

    \b
    afterstate export phase-counts --session chip_1 --run 261122_0000001 --out counts/
    afterstate export phase-counts --session chip_1 --run 261122_0000001 --out counts/ --boundary covering --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    require_one_output(out, as_json)
    file, rows = export_phase_counts(read_warehouse(Settings.from_environment()), session, run, boundary, out)
    if as_json:
        written: dict[str, Any] = {"file": str(file), "session": session, "run": run, "boundary": boundary}
        console.print_json({**written, "counts": rows})
        return
    _show_written("counts", rows, file)
    console.suggest("`afterstate report --out report.html` draws the same counts")


def _show_written(what: str, rows: int, out: Path, more: str = "") -> None:
    """Print what was exported, and where to; beside what went to standard output itself, to standard error."""
    if is_standard_output(out):
        console.say(f"{what}: {rows:,}{more}, written to standard output")
    else:
        click.echo(f"{what}: {rows:,}{more}, written to {visible(str(out))}")
