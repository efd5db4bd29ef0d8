"""The commands that deal with servers: `up`, `down`, `url`."""

from __future__ import annotations

import click

from afterstate.cli import console
from afterstate.server.private import PrivateServer
from afterstate.warehouse.connect import detect
from afterstate.warehouse.places import print_sql
from afterstate.warehouse.profile import Warehouse, known_server, read_warehouse
from afterstate.warehouse.server_url import sqlalchemy_url
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.up import bring_up, is_private


def place_of(warehouse: Warehouse) -> str:
    """Return which server a warehouse is on, and in which form."""
    form = ", in one database, with one account" if warehouse.schemas.is_one_database else ""
    return f"{detect(warehouse.landing).title} at {warehouse.dbt.place}{form}"


@click.command()
@click.option("--replace", is_flag=True, help="Switch the profile to another server; the data on the old one is kept.")
@click.option("--print-sql", "prints_sql", is_flag=True, help="Print SQL for an administrator, and change nothing.")
def up(replace: bool, prints_sql: bool) -> None:
    """Start the server, create the warehouse, and write profiles.yml.

    Uses the server in AFTERSTATE_MYSQL_URL when set, otherwise the one that the profile belongs to; without a profile,
    a private one in .afterstate/. Safe to repeat.

    \b
    afterstate up
    AFTERSTATE_MYSQL_URL=mysql://user:password@host/database afterstate up
    AFTERSTATE_MYSQL_URL=mysql://user:password@host/database afterstate up --print-sql
    """  # noqa: D301 (click wants the character that `\b` spells)
    settings = Settings.from_environment()
    if prints_sql:
        click.echo(print_sql(settings))
        return
    warehouse = bring_up(settings, console.say, replaces=replace)
    click.echo(f"warehouse `{warehouse.schemas.marts}` is up: {place_of(warehouse)}")
    click.echo(f"connection settings: {settings.profiles_path}")
    console.suggest("`afterstate land PATH` lands your files, `afterstate build` builds the tables")


@click.command()
def down() -> None:
    """Stop the private server; its data is kept.

    \b
    afterstate down
    """  # noqa: D301 (click wants the character that `\b` spells)
    settings = Settings.from_environment()
    known = known_server(settings)
    if settings.server_url:
        click.echo("the server in AFTERSTATE_MYSQL_URL is not Afterstate's to stop")
    elif PrivateServer(settings).stop():
        click.echo("the private server has stopped")
        console.suggest("`afterstate up` starts it again, with its data")
    elif known and not is_private(settings, known):
        click.echo(f"the profile's server, {known.place}, is not Afterstate's to stop")
    else:
        click.echo("the private server was not running")


@click.command()
@click.option("--bi", is_flag=True, help="The login for BI tools instead of dbt's.")
def url(bi: bool) -> None:
    """Print the SQLAlchemy URL, for a notebook or a BI tool.

    The URL contains the password.

    \b
    afterstate url --bi
    python -c "import pandas; print(pandas.read_sql('select * from shutdown_state_snapshot', '$(afterstate url --bi)'))"
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    if bi and not warehouse.is_bi_apart:
        console.say("careful: one account does all the work, so this login can change everything")
    click.echo(sqlalchemy_url(warehouse.bi if bi else warehouse.dbt))
