"""`afterstate withdraw`: say what a withdrawal changes, ask, and do it."""

from __future__ import annotations

import json

import click

from afterstate.cli import console
from afterstate.errors import UsageError
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.withdraw import Withdrawal, Withdrawer


@click.command()
@click.argument("what", metavar="[LOAD|FILE]", required=False)
@click.option("--session", metavar="NAME", help="All loads of a session, or which of a file's loads.")
@click.option("--run", metavar="RUN", help="Of the session, one run only.")
@click.option("--dry-run", is_flag=True, help="Say what would be withdrawn, and withdraw nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, one a load, and nothing else.")
def withdraw(what: str | None, session: str | None, run: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Let loads hold no longer, as if they had never landed.

    Says which, and what holds again in their place, then asks. The marts follow with the next build; what is frozen
    stays. The manifest keeps the loads, as `withdrawn`; landing a file again brings it back, as a new load.

    \b
    afterstate withdraw 17
    afterstate withdraw artifact/trace.csv
    afterstate withdraw --session chip_7 --run 261122_0000001
    """  # noqa: D301 (click wants the character that `\b` spells)
    if what is None and session is None:
        raise UsageError("nothing is named that could be withdrawn", "name a load, a file, or `--session NAME`")
    if as_json and not (yes or dry_run):
        raise UsageError("`--json` prints nothing but JSON, so that nobody is asked", "add `--yes`, or `--dry-run`")
    withdrawer = Withdrawer(read_warehouse(Settings.from_environment()))
    loads = withdrawer.find(what, session, run)
    if dry_run or not yes:
        _show(withdrawer.withdraw(loads, is_trial=True), as_json)
        if dry_run:
            return
        console.confirm("withdraw these loads?")
    done = withdrawer.withdraw(loads)
    if yes:
        _show(done, as_json)
    if not as_json:
        click.echo("withdrawn; `afterstate build` brings the marts up to date")


def _show(withdrawal: Withdrawal, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(withdrawal.as_json(), indent=2, ensure_ascii=False))
    else:
        console.show_withdrawal(withdrawal)
