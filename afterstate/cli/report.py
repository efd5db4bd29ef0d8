"""`afterstate report`: one page with everything to look at."""

from __future__ import annotations

import time
from pathlib import Path

import click

from afterstate.cli import console
from afterstate.cli.options import JSON, OutputPath, require_one_output
from afterstate.output import is_standard_output
from afterstate.progress import counting
from afterstate.report.write import STEPS, write_report
from afterstate.warehouse.settings import Settings


@click.command()
@click.option(
    "--out",
    required=True,
    type=OutputPath(dir_okay=False, allow_dash=True, path_type=Path),
    help="The HTML file to write; `-` is standard output.",
)
@click.option(
    "--session", "sessions", multiple=True, metavar="NAME", help="Show this session's timeline only; may be repeated."
)
@JSON
def report(out: Path, sessions: tuple[str, ...], as_json: bool) -> None:
    """Write one HTML page with all charts and tables.

    The page has each shutdown with its trace, each session's timeline with its proposals, heat maps of the phase keys,
    and tables of loads, rejected rows, drift and test results. It needs no network and no server; its numbers are those
    of the last `afterstate build`.

    \b
    afterstate report --out report.html
    afterstate report --out chip_1.html --session chip_1 --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    require_one_output(out, as_json)
    began = time.monotonic()
    with counting("drawing the report", lambda: STEPS, as_json) as advance:
        size = write_report(Settings.from_environment(), out, sessions, advance)
    seconds = time.monotonic() - began
    if is_standard_output(out):
        console.say(f"report: {size / 1e6:.1f} MB, written to standard output in {seconds:.1f} s")
        return
    address = out.resolve().as_uri()
    if as_json:
        console.print_json({"file": str(out), "url": address, "bytes": size, "seconds": round(seconds, 3)})
        return
    click.echo(f"report: {out}, {size / 1e6:.1f} MB, written in {seconds:.1f} s")
    console.suggest(f"open it in a browser: {address}")
