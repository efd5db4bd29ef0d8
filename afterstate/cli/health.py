"""`status` and `doctor`: whether the server runs, what the warehouse holds, and what keeps it from working."""

from __future__ import annotations

import sys
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.group import FAILED
from afterstate.cli.options import JSON, JSON_LIST
from afterstate.cli.server import place_of
from afterstate.errors import ServerError
from afterstate.memory.snapshot_health import examine_snapshots
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.doctor import examine
from afterstate.warehouse.finding import Finding
from afterstate.warehouse.private_down import find_private_down
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}
KIND_COLUMNS = ("kind", "files", "rows_landed", "rows_rejected", "last_landed_at")
LAND_FIRST = "`afterstate land samples/core` lands the sample, `afterstate land PATH` your own files"


@click.command()
@JSON
def status(as_json: bool) -> None:
    """Show whether the server runs and what the warehouse holds.

    Exit code 1 when it does not run.

    \b
    afterstate status
    afterstate status --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    settings = Settings.from_environment()
    try:
        if down := find_private_down(settings):
            raise down
        warehouse = read_warehouse(settings)
        found = _status(settings, warehouse)
    except ServerError as error:
        if not as_json:
            raise
        console.print_json({"is_running": False, "what": error.what, "advice": error.hint})
        sys.exit(FAILED)
    if as_json:
        console.print_json(found)
        return
    _show_status(found)
    first = found["notes"][0]["advice"] if found["notes"] else None
    console.suggest((first or "`afterstate report --out report.html` draws it") if found["kinds"] else LAND_FIRST)


def _status(settings: Settings, warehouse: Warehouse) -> dict[str, Any]:
    with open_cursor(warehouse.landing) as cursor:
        cursor.execute(
            "select kind, count(*), cast(sum(rows_landed) as signed), cast(sum(rows_rejected) as signed), "
            f"max(finished_at) from {warehouse.table('landing', 'landing_loads')} "
            "where status <> 'withdrawn' group by kind order by kind"
        )
        kinds = [dict(zip(KIND_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    notes = examine_snapshots(settings, warehouse) if kinds else []
    return {
        "is_running": True,
        "warehouse": warehouse.schemas.marts,
        "server": place_of(warehouse),
        "kinds": kinds,
        "notes": [{"what": what, "advice": advice} for what, advice in notes],
    }


def _show_status(found: dict[str, Any]) -> None:
    click.echo(f"warehouse `{found['warehouse']}`: {found['server']}")
    for kind in found["kinds"]:
        counts = f"files {kind['files']:,}, rows landed {kind['rows_landed']:,}, rejected {kind['rows_rejected']:,}"
        click.echo(f"  {kind['kind']}: {counts}, last landed {kind['last_landed_at']:%Y-%m-%d %H:%M:%S} UTC")
    if not found["kinds"]:
        click.echo("  nothing has landed yet")
    for note in found["notes"]:
        click.echo(f"  {note['what']}\n    {note['advice']}")


@click.command()
@JSON_LIST
def doctor(as_json: bool) -> None:
    """Diagnose what keeps the warehouse from working.

    Checks the server, the accounts and dbt's profile, and says how to fix what is wrong. Exit code 1 when something
    keeps the warehouse from working.

    \b
    afterstate doctor
    afterstate doctor --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    found = []
    for finding in examine(Settings.from_environment()):
        found.append(finding)
        if not as_json:
            _show_finding(finding)
    bad = [finding for finding in found if finding.level == "bad"]
    if as_json:
        console.print_json([vars(finding) for finding in found])
    else:
        click.echo(f"problems: {len(bad)}" if bad else "no problems found")
        console.suggest(_fix_first(bad[0]) if bad else "`afterstate status` shows what has landed and what is due")
    sys.exit(FAILED if bad else 0)


def _fix_first(finding: Finding) -> str:
    return f"{finding.fix or finding.what}; then `afterstate doctor` again"


def _show_finding(finding: Finding) -> None:
    click.echo(f"{click.style(MARKS[finding.level], fg=console.COLOURS[finding.level])}  {finding.what}")
    if finding.fix:
        click.echo(f"      fix: {finding.fix}")
