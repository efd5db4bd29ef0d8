"""The commands that change what is remembered, or keep it safe: `retake`, `backup`, `restore`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.options import JSON, JSON_LIST, RULE, InputPath, OutputPath, require_one_output
from afterstate.errors import UsageError
from afterstate.memory.archive import rows_of
from afterstate.memory.backup import LOADS, MEMORY, REJECTS, RETAKES, back_up, count_rows
from afterstate.memory.restore import restore as bring_in
from afterstate.memory.retake import Retaken, read_keys
from afterstate.memory.retake import retake as take_again
from afterstate.memory.snapshots import KEY, ShutdownKey, rule_or_current
from afterstate.output import is_standard_output
from afterstate.progress import counting
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings

TABLES = {MEMORY: "snapshots", RETAKES: "retakes", LOADS: "loads", REJECTS: "rejects"}
BUILD_NEXT = "`afterstate build` brings the marts up to date"


@click.command()
@click.option("--run", "run_id", metavar="RUN", help="The snapshot's run_id.")
@click.option("--case", "case_id", metavar="CASE", help="Its case_id.")
@click.option("--antibody", "antibody_id", metavar="ANTIBODY", help="Its antibody_id.")
@click.option("--step", "shutdown_step", type=int, metavar="N", help="Its shutdown_step.")
@click.option("--file", "file", type=InputPath(dir_okay=False), metavar="CSV",
              help="Many snapshots: a CSV with run_id, case_id, antibody_id, shutdown_step.")  # fmt: skip
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays with the former snapshot.")
@RULE
@JSON_LIST
def retake(
    run_id: str | None,
    case_id: str | None,
    antibody_id: str | None,
    shutdown_step: int | None,
    file: Path | None,
    reason: str,
    rule: str | None,
    as_json: bool,
) -> None:
    """Retake a wrong snapshot from the files as they are now.

    The former snapshot stays readable in shutdown_snapshot_retakes, with who, when and why. One command retakes all of
    its snapshots or none.

    \b
    afterstate retake --run core7_04_1767776352 --case B_GOVERNED --antibody antibody_C --step 21 --reason "late rows"
    afterstate retake --file wrong.csv --reason "ticket 1234" --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    keys = _keys(run_id, case_id, antibody_id, shutdown_step, file)
    settings = Settings.from_environment()
    results = take_again(read_warehouse(settings), rule_or_current(settings, rule), keys, reason)
    if as_json:
        console.print_json([_as_json(result) for result in results])
        return
    for result in results:
        if result.new_id is None:
            click.echo(f"unchanged  {result.key}: snapshot {result.former_id} already agrees with the files")
        else:
            awaited = f"; still missing: {', '.join(result.missing)}" if result.missing else ""
            click.echo(f"retaken    {result.key}: snapshot {result.former_id} is now {result.new_id}{awaited}")
    is_changed = any(result.new_id for result in results)
    console.suggest(BUILD_NEXT if is_changed else "land the corrected file first, then retake")


def _as_json(result: Retaken) -> dict[str, Any]:
    """Return the object that `retake --json` prints; `snapshot_id` is the one that holds now."""
    return {
        **dict(zip(KEY, result.key.values, strict=True)),
        "status": "unchanged" if result.new_id is None else "retaken",
        "former_snapshot_id": result.former_id,
        "snapshot_id": result.former_id if result.new_id is None else result.new_id,
        "missing_inputs": list(result.missing),
    }


@click.command()
@click.argument("file", type=OutputPath(dir_okay=False, allow_dash=True, path_type=Path))
@JSON
def backup(file: Path, as_json: bool) -> None:
    """Back up what no file can rebuild.

    FILE will be one zip with the remembered snapshots, the retaken ones, the list of landed files, and the rejects, for
    any server and any later Afterstate. `afterstate restore FILE` restores it. No backup replaces another;
    `-` is standard output.

    \b
    afterstate backup afterstate-$(date +%F).zip
    afterstate backup afterstate.zip --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    require_one_output(file, as_json)
    warehouse = read_warehouse(Settings.from_environment())
    with counting("backing up rows", lambda: count_rows(warehouse), as_json) as advance:
        counts = back_up(warehouse, file, advance)
    if as_json:
        console.print_json({"file": str(file), **{what: counts[table] for table, what in TABLES.items()}})
        return
    said = ", ".join(f"{what} {counts[table]:,}" for table, what in TABLES.items())
    if is_standard_output(file):
        console.say(f"{said}, written to standard output")
        return
    click.echo(f"{said}, written to {file}")
    console.suggest(f"store it elsewhere; `afterstate restore {shlex.quote(str(file))}` restores it")


@click.command()
@click.argument("file", type=InputPath(dir_okay=False))
@JSON
def restore(file: Path, as_json: bool) -> None:
    """Restore a backup, or import the notebook's snapshots.

    FILE is what `afterstate backup` wrote, or a core10_02_shutdown_snapshot.csv; what is remembered here stays. Bring a
    new warehouse up and build it first, and build it again afterwards. Snapshots of a backup keep their ids and times;
    snapshots taken here since get new ids if theirs are in use. Where both remember the same shutdown, the snapshot
    that was taken first stays, and the other goes to shutdown_snapshot_retakes. Restoring twice changes nothing. The
    producers' files can be landed again.

    \b
    afterstate restore afterstate.zip
    afterstate restore core10_02_shutdown_snapshot.csv --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    with counting("restoring rows", lambda: rows_of(file), as_json) as advance:
        done = bring_in(warehouse, file, advance)
    counts = {MEMORY: done.snapshots, RETAKES: done.retakes, LOADS: done.loads, REJECTS: done.rejects}
    if as_json:
        changed = {"renumbered": done.renumbered, "contested": done.contested}
        console.print_json({"file": str(file), **{what: counts[table] for table, what in TABLES.items()}, **changed})
        return
    click.echo("restored: " + ", ".join(f"{what} {counts[table]:,}" for table, what in TABLES.items()))
    if done.renumbered:
        click.echo(f"  snapshots of this warehouse that got a new id: {done.renumbered:,}")
    if done.contested:
        click.echo(f"  shutdowns remembered on both sides: {done.contested:,}; the later snapshots are in {RETAKES}")
    console.suggest(BUILD_NEXT)


def _keys(
    run_id: str | None, case_id: str | None, antibody_id: str | None, step: int | None, file: Path | None
) -> list[ShutdownKey]:
    named = (run_id, case_id, antibody_id, step)
    if file is not None and named == (None,) * len(named):
        return read_keys(file)
    if file is not None or run_id is None or case_id is None or antibody_id is None or step is None:
        raise UsageError(
            "which snapshot?", "name one with `--run`, `--case`, `--antibody` and `--step`, or many with `--file CSV`"
        )
    return [ShutdownKey(run_id, case_id, antibody_id, step)]
