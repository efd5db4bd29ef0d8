"""`afterstate phase-key`: the phase key of a plane at a time."""

from __future__ import annotations

import shlex

import click

from afterstate.cli import console
from afterstate.cli.options import JSON, boundary_option
from afterstate.marts.phase_key import find_phase_key
from afterstate.phase_key import Boundary
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings


@click.command(name="phase-key")
@click.option("--session", required=True, metavar="NAME", help="The session.")
@click.option("--die", required=True, type=int, metavar="D", help="The plane's die.")
@click.option("--plane", required=True, type=int, metavar="P", help="The plane.")
@click.option("--at", "time_us", required=True, type=float, metavar="US", help="The time, in µs.")
@boundary_option("covering")
@JSON
def phase_key(session: str, die: int, plane: int, time_us: float, boundary: Boundary, as_json: bool) -> None:
    """Print the phase key of a plane at a time.

    \b
    afterstate phase-key --session chip_1 --die 0 --plane 1 --at 810.5
    afterstate phase-key --session chip_1 --die 0 --plane 1 --at 810.5 --boundary before --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    key = find_phase_key(warehouse, session, die, plane, time_us, boundary)
    if as_json:
        place = {"session": session, "die": die, "plane": plane, "at_us": time_us, "boundary": boundary}
        console.print_json({**place, "phase_key": key})
        return
    click.echo(key)
    options = ["--session", session, "--die", str(die), "--plane", str(plane), "--at", str(time_us)]
    console.suggest_beside_a_value(f"`{shlex.join(['afterstate', 'explain', 'phase-key', *options])}` says why")
