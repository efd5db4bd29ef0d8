"""`afterstate withdraw`: say what a withdrawal changes, ask, and do it."""

from __future__ import annotations

import click

from afterstate.cli import console
from afterstate.cli.options import DRY_RUN, JSON_LIST, YES
from afterstate.errors import UsageError
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.reader import visible
from loaders.withdraw import Withdrawal, Withdrawer


@click.command()
@click.argument("what", metavar="[LOAD|FILE]", required=False)
@click.option("--session", metavar="NAME", help="All loads of a session; with a file, its load there.")
@click.option("--run", metavar="RUN", help="Only this run of the session.")
@DRY_RUN
@YES
@JSON_LIST
def withdraw(what: str | None, session: str | None, run: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Withdraw loads, as if they had never landed.

    Lists them, and the loads that become active again in their place, then asks. The marts follow with the next build;
    frozen snapshots stay. The manifest keeps the loads as `withdrawn`; landing a file again brings it back as a new
    load.

    \b
    afterstate withdraw 2 --dry-run
    afterstate withdraw artifact/trace.csv --yes
    afterstate withdraw --session chip_7 --run 261122_0000001 --yes --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    if what is None and session is None:
        raise UsageError("nothing to withdraw was named", "name a load, a file, or `--session NAME`")
    console.require_answered(as_json, yes, dry_run)
    withdrawer = Withdrawer(read_warehouse(Settings.from_environment()))
    loads = withdrawer.find(what, session, run)
    if dry_run or not yes:
        _show(withdrawer.withdraw(loads, is_trial=True), as_json)
        if dry_run:
            if not as_json:
                console.suggest("run it without `--dry-run` to withdraw them")
            return
        console.confirm("withdraw these loads?")
    done = withdrawer.withdraw(loads)
    if yes:
        _show(done, as_json)
    if not as_json:
        click.echo("withdrawn")
        console.suggest("`afterstate build` brings the marts up to date")


def _show(withdrawal: Withdrawal, as_json: bool) -> None:
    if as_json:
        console.print_json(withdrawal.as_json())
    else:
        _show_loads(withdrawal)


def _show_loads(withdrawal: Withdrawal) -> None:
    """Print the loads that are withdrawn, those that become active again, and those whose rows are gone."""
    for what, loads in (
        ("withdraw", withdrawal.withdrawn),
        ("reactivate", withdrawal.held_again),
        ("was pruned", withdrawal.pruned),
    ):
        for load in loads:
            belongs = f" of {load.session_id}, run {load.run_id}" if load.session_id else ""
            counts = f"{load.rows_landed:,} rows  {visible(load.file_path)}"
            click.echo(f"{console.coloured(what, 12)}load {load.load_id}: {load.kind}{belongs}: {counts}")
    for message in withdrawal.messages:
        console.say(f"  {message}")
    rows = sum(load.rows_landed for load in withdrawal.withdrawn)
    click.echo(f"loads to withdraw: {len(withdrawal.withdrawn):,}; their rows: {rows:,}")
