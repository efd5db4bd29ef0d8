"""`afterstate build`: dbt, with the warehouse's profile and one build at a time."""

from __future__ import annotations

import click

from afterstate.warehouse.dbt import become_dbt
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--no-wait", is_flag=True, help="Exit with 1 instead of waiting for another build.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(no_wait: bool, arguments: tuple[str, ...]) -> None:
    """Build and test the tables with dbt.

    The same as `dbt build` with the warehouse's profile. All arguments go to dbt; `dbt build --help` lists its options.
    Only one build runs at a time: a second one waits, and says for which. With `--quiet`, a terminal shows a progress
    bar.

    \b
    afterstate build
    afterstate build --quiet
    afterstate build --select shutdown_state_snapshot
    """  # noqa: D301 (click wants the character that `\b` spells)
    settings = Settings.from_environment()
    read_warehouse(settings)
    become_dbt(settings, "build", arguments, waits=not no_wait)
