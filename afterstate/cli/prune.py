"""`afterstate prune`: say which rows can go, ask, and remove them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.options import DRY_RUN, JSON_LIST, YES, kind_option
from afterstate.progress import counting
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.prune import PRUNED, Pruner, Superseded
from loaders.reader import visible
from loaders.recognise import kind_named


@click.command()
@kind_option("Prune one kind only")
@DRY_RUN
@YES
@JSON_LIST
def prune(kind_name: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove the rows of superseded and withdrawn loads.

    A superseded load is one that later loads have restated. Lists what it will remove, then asks. The manifest keeps
    the loads as `pruned`, so that their files do not land again; their rejects stay. The removed rows of core files
    also disappear from the audit schema's core_*_history.

    \b
    afterstate prune --dry-run
    afterstate prune --yes
    afterstate prune --kind core8_state_trace --yes --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    kind = kind_named(kind_name) if kind_name else None
    console.require_answered(as_json, yes, dry_run)
    pruner = Pruner(read_warehouse(Settings.from_environment()))
    plan = pruner.plan(kind, say=None if dry_run else console.say)
    loads = plan.loads
    if not as_json:
        _show(loads)
    if plan.waiting:
        kept = f"loads that tables are still built from: {plan.waiting:,}"
        console.say(f"{kept}; run `afterstate build`, then this command again")
    if loads and not (dry_run or yes):
        console.confirm("remove these rows for good?")
    removed = [0] * len(loads) if dry_run else _prune(pruner, loads, as_json)
    if as_json:
        console.print_json([_as_json(load, rows, dry_run) for load, rows in zip(loads, removed, strict=True)])
    elif loads and not dry_run:
        click.echo(f"removed {sum(removed):,} rows; the server reuses their space")
        console.suggest("`afterstate status` shows what is left")
    elif loads:
        console.suggest("`afterstate prune --yes` removes them")


def _prune(pruner: Pruner, loads: Sequence[Superseded], quiet: bool) -> list[int]:
    removed = []
    with counting("pruning loads", lambda: len(loads), quiet) as advance:
        for load in loads:
            removed.append(pruner.prune(load))
            if not quiet:
                console.say(f"pruned load {load.load_id}: {removed[-1]:,} rows")
            advance(1)
    return removed


def _as_json(load: Superseded, removed: int, is_trial: bool) -> dict[str, Any]:
    """Return the object that `prune --json` prints, named as in `land --json`."""
    return {
        "file": load.file_path,
        "kind": load.kind,
        "status": load.status if is_trial else PRUNED,
        "rows_landed": load.rows_landed,
        "rows_removed": removed,
        "load_id": load.load_id,
    }


def _show(loads: Sequence[Superseded]) -> None:
    for load in loads:
        belongs = f" of {visible(load.session_id)}, run {visible(load.run_id)}" if load.session_id else ""
        click.echo(f"load {load.load_id}: {load.kind}{belongs}: {load.rows_landed:,} rows  {visible(load.file_path)}")
    click.echo(f"loads to prune: {len(loads):,}; their rows: {sum(load.rows_landed for load in loads):,}")
