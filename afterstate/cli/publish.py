"""`afterstate publish`: the marts of a lake into the server that BI reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from afterstate.cli import console
from afterstate.cli.options import JSON_LIST
from afterstate.progress import Advance, counting
from afterstate.warehouse.connect import detect
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings

if TYPE_CHECKING:
    from afterstate.publish.publish import Result

WIDTH = 12


@click.command()
@click.option(
    "--lake", required=True, metavar="URI", help="The lake that was landed into and built: a folder, or s3://…"
)
@click.option(
    "--lake-schema", metavar="NAME", default="afterstate", show_default=True, help="The marts' schema in the lake."
)
@click.option("--select", "names", metavar="MART", multiple=True, help="Only this mart; may be given again.")
@click.option("--exclude", "without", metavar="MART", multiple=True, help="All but this mart; may be given again.")
@click.option("--replace", "replaces", is_flag=True, help="Replace marts that were published from another lake.")
@click.option("--no-wait", is_flag=True, help="Exit with 1 instead of waiting for another publish or build.")
@JSON_LIST
def publish(
    lake: str,
    lake_schema: str,
    names: tuple[str, ...],
    without: tuple[str, ...],
    replaces: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Publish the marts of a lake, exactly once, for BI to read.

    What Spark has built there since the last publish is written, and becomes visible in all tables at once. They are
    the tables and views that `afterstate build` makes on the server, with the same names, types, keys and comments. A
    warehouse that has landed files of its own is refused.

    \b
    afterstate publish --lake lake
    afterstate publish --lake lake --exclude op_state_spans
    afterstate publish --lake lake --select shutdown_state_snapshot --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    from afterstate.publish.lake import BuiltLake  # which needs what `script/setup --lake` installs
    from afterstate.publish.marts import read_marts, select
    from afterstate.publish.publish import Publisher

    settings = Settings.from_environment()
    warehouse = read_warehouse(settings)
    built = BuiltLake(lake, lake_schema)
    detect(warehouse.dbt)
    marts = select(read_marts(settings, warehouse), names, without)

    def count(rows: int | None) -> AbstractContextManager[Advance]:
        return counting("publishing rows", lambda: rows, as_json)

    publisher = Publisher(settings, warehouse, built, console.say)
    results = publisher.publish(marts, count, replaces=replaces, waits=not no_wait)
    if as_json:
        console.print_json([result.as_json() for result in results])
    else:
        _show(results)


def _show(results: Sequence[Result]) -> None:
    """Print a line for each table and view that is new or lacking, and the totals."""
    for result in results:
        if result.status != "unchanged":
            held = "" if result.rows is None else f": {result.rows:,} rows (version {result.version})"
            click.echo(f"{console.coloured(result.status, WIDTH)}{result.name}{held}")
    statuses = [result.status for result in results]
    counted = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
    click.echo(f"tables and views: {counted}")
    if "absent" in statuses:
        console.suggest("`./script/spark build` builds what is absent; then publish again")
    else:
        console.suggest("`afterstate url --bi` is what a BI tool connects with")
