"""The command line `afterstate` (design section 2).

Exit codes: 0 done; 1 failed, nothing half-done is left visible; 2 wrong usage; 3 `--strict` and rows were rejected.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pymysql
from sqlalchemy.exc import DBAPIError

from afterstate import __version__
from afterstate.cli import console
from afterstate.cli.land import land_paths
from afterstate.cli.memory import RULE, backup, restore, retake
from afterstate.cli.options import OutputPath
from afterstate.cli.server import down, place_of, up, url
from afterstate.cli.withdraw import withdraw
from afterstate.errors import AfterstateError, UsageError
from afterstate.marts.export import export_phase_counts, export_snapshot
from afterstate.marts.phase_key import find_phase_key
from afterstate.memory.snapshot_health import examine_snapshots
from afterstate.memory.snapshots import health_of, require_snapshots_built, rule_to_export
from afterstate.phase_key import BOUNDARIES, Boundary
from afterstate.server.private import PrivateServer
from afterstate.warehouse.connect import cursor
from afterstate.warehouse.dbt import become_dbt
from afterstate.warehouse.doctor import examine
from afterstate.warehouse.holders import LOCK_WAIT_TIMEOUT, find_holders, who_may_know
from afterstate.warehouse.profile import known_server, read_warehouse
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.up import is_private
from loaders.prune import Pruner
from loaders.recognise import KINDS, kind_named
from loaders.runs import Told

KIND_NAMES = [kind.name for kind in KINDS]
FAILED, WRONG_USAGE, ROWS_REJECTED = 1, 2, 3
# Commands whose imports would keep every other command waiting, and where they are.
IMPORTED_WHEN_ASKED_FOR = {
    "explain": "afterstate.explain.command",
    "report": "afterstate.report.command",
    "sessions": "afterstate.cli.sessions",
    "simulate": "afterstate.cli.simulate",
}


def _boundary(default: Boundary) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option that chooses a boundary (design section 5)."""
    return click.option(
        "--boundary",
        type=click.Choice(BOUNDARIES),
        default=default,
        show_default=True,
        help="Use the state that covers the time, or the one just before it.",
    )


class _Group(click.Group):
    """Commands whose errors speak to the user; a traceback only with `--debug`."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *IMPORTED_WHEN_ASKED_FOR])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in IMPORTED_WHEN_ASKED_FOR:
            return super().get_command(context, name)
        command: click.Command = getattr(import_module(IMPORTED_WHEN_ASKED_FOR[name]), name)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except AfterstateError as error:
            code = WRONG_USAGE if isinstance(error, UsageError) else FAILED
            _stop(context, str(error), code)
        except (pymysql.MySQLError, DBAPIError) as error:
            _stop(context, _server_said(error), FAILED)
        except BrokenPipeError:
            raise  # whoever read our output has seen enough; click ends quietly
        except OSError as error:
            _stop(context, f"{error.filename or 'the system'}: {error.strerror or error}", FAILED)


def _server_said(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    hint = "`afterstate doctor` looks for what is wrong"
    if cause.args[0] == LOCK_WAIT_TIMEOUT:
        settings = Settings.from_environment()
        with suppress(AfterstateError):
            warehouse = read_warehouse(settings)
            hint = find_holders(who_may_know(settings, warehouse), warehouse.schemas.all(), statement="").advice
    return f"the server said: {cause.args[-1]}\n  {hint}"


def _stop(context: click.Context, message: str, code: int) -> None:
    if context.params.get("debug"):
        traceback.print_exc()
    click.echo(f"afterstate: {message}", err=True)
    context.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="afterstate")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
def main(debug: bool) -> None:
    """Remember the state a system was in at the moment that mattered.

    \b
    afterstate up                       start the server, make the warehouse, write profiles.yml
    afterstate land artifact/           land every file there that Afterstate knows
    afterstate build                    the same as `dbt build`
    afterstate export snapshot --out snapshot.csv

    Exit codes: 0 done; 1 failed (nothing half-done is left visible); 2 wrong usage;
    3 `land --strict` and some rows were rejected.
    """  # noqa: D301 (click wants the character that `\b` spells)


for command in (up, down, url):
    main.add_command(command)


@main.command()
def status() -> None:
    """Say whether the server runs and what the warehouse holds; exit code 1 when it does not run."""
    settings = Settings.from_environment()
    server, known = PrivateServer(settings), known_server(settings)
    uses_private = not settings.server_url and (known is None or is_private(settings, known))
    if uses_private and server.exists() and not server.process():
        click.echo(
            f"the private server is not running; `afterstate up` starts it over its data in {server.places.data}"
        )
        sys.exit(FAILED)
    warehouse = read_warehouse(settings)
    click.echo(f"warehouse `{warehouse.schemas.marts}`: {place_of(warehouse)}")
    with cursor(warehouse.landing) as ask:
        ask.execute(
            "select kind, count(*), sum(rows_landed), sum(rows_rejected), max(finished_at) "
            f"from {warehouse.table('landing', 'landing_loads')} "
            "where status <> 'withdrawn' group by kind order by kind"
        )
        loads = ask.fetchall()
    for kind, files, landed, rejected, last in loads:
        counts = f"files {files:,}, rows landed {landed:,}, rejected {rejected:,}"
        click.echo(f"  {kind}: {counts}, the last at {last:%Y-%m-%d %H:%M:%S} UTC")
    if not loads:
        click.echo("  nothing has landed yet; `afterstate land samples/core` lands the sample")
        return
    for what, advice in examine_snapshots(settings, warehouse):
        click.echo(f"  {what}\n    {advice}")


@main.command()
def doctor() -> None:
    """Check the server, the accounts and dbt's profile, and say how to mend what is wrong."""
    bad = 0
    for finding in examine(Settings.from_environment()):
        console.show_finding(finding)
        bad += finding.level == "bad"
    click.echo(f"{bad} to mend" if bad else "all well")
    sys.exit(FAILED if bad else 0)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--session", metavar="NAME", help="The timeline that nand files belong to; else their folder's name.")
@click.option("--run", metavar="RUN", help="The run of nand files whose name does not tell it.")
@click.option("--kind", "kind_name", metavar="KIND", help=f"Take every file for one of: {', '.join(KIND_NAMES)}.")
@click.option("--encoding", metavar="NAME", help="What the files are in, if not UTF-8: cp949 (Korean Excel), utf-16, …")
@click.option("--strict", is_flag=True, help="Exit with 3 when rows were rejected (the others land all the same).")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, one a file, and nothing else.")
def land(
    paths: tuple[Path, ...],
    session: str | None,
    run: str | None,
    kind_name: str | None,
    encoding: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Land files, and all files in folders, exactly once.

    The kind is told from the header. A file that landed before is left alone; files of other kinds are ignored, and
    rows that do not fit go to landing_rejects with the reason. Files may be compressed with gzip or zstd, and `-` is
    standard input, of the kind that `--kind` names.

    \b
    afterstate land samples/core
    afterstate land artifact/ --strict
    afterstate land trace.csv --kind core8_state_trace --json
    afterstate land out/ --session chip_7
    afterstate land excel.csv --encoding cp949
    curl … | afterstate land - --kind core8_state_trace
    """  # noqa: D301 (click wants the character that `\b` spells)
    kind = kind_named(kind_name) if kind_name else None
    results = land_paths(paths, kind=kind, told=Told(session, run), encoding=encoding, quiet=as_json)
    if as_json:
        console.show_messages(results)
        click.echo(json.dumps([result.as_json() for result in results], indent=2, ensure_ascii=False))
    else:
        console.show_results(results)
    if any(result.status == "failed" for result in results):
        sys.exit(FAILED)
    if strict and any(result.rows_rejected for result in results):
        sys.exit(ROWS_REJECTED)


@main.command()
@click.option("--kind", "kind_name", metavar="KIND", help=f"Prune one kind only: {', '.join(KIND_NAMES)}.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(kind_name: str | None, dry_run: bool, yes: bool) -> None:
    """Remove the rows of superseded loads, which later loads have restated, and of withdrawn ones.

    Says what it will remove, then asks. The manifest keeps the loads, as `pruned`, so that their files do not land
    again; their rejects stay. What core files once said is then gone from the audit schema's core_*_history.
    """
    kind = kind_named(kind_name) if kind_name else None
    pruner = Pruner(read_warehouse(Settings.from_environment()))
    loads = pruner.superseded(kind)
    console.show_superseded(loads)
    if not loads or dry_run:
        return
    if not yes:
        console.confirm("remove these rows for good?")
    removed = 0
    for load in loads:
        rows = pruner.prune(load)
        removed += rows
        console.say(f"pruned load {load.load_id}: {rows:,} rows")
    click.echo(f"removed {removed:,} rows; the server uses their space for new ones")


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.option("--no-wait", is_flag=True, help="End with 1 when another build of the warehouse is at work.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(no_wait: bool, arguments: tuple[str, ...]) -> None:
    """Run `dbt build` with the warehouse's profile; all arguments go to dbt.

    One build at a time: this one waits for another, and says for whom.
    """
    settings = Settings.from_environment()
    read_warehouse(settings)
    become_dbt(settings, "build", arguments, waits=not no_wait)


@main.group()
def export() -> None:
    """Write marts to files."""


@export.command()
@click.option(
    "--out",
    required=True,
    type=OutputPath(dir_okay=False, allow_dash=True, path_type=Path),
    help="The CSV file to write; `-` is standard output.",
)
@RULE
@click.option("--stale", is_flag=True, help="Write what was built, even where files have landed since.")
def snapshot(out: Path, rule: str | None, stale: bool) -> None:
    """Write the snapshots of one rule as the notebook's core10_02_shutdown_snapshot.csv."""
    settings = Settings.from_environment()
    warehouse = read_warehouse(settings)
    wanted = rule_to_export(settings, warehouse, rule)
    if not stale:
        require_snapshots_built(warehouse)
    rows = export_snapshot(warehouse, wanted, out)
    console.show_exported(warehouse.schemas.marts, out, rows, *health_of(warehouse, wanted))


@export.command(name="phase-counts")
@click.option("--session", required=True, help="The timeline.")
@click.option("--run", required=True, metavar="RUN", help="Its run, YYMMDD_RUNID.")
@click.option(
    "--out",
    required=True,
    type=OutputPath(file_okay=False, allow_dash=True, path_type=Path),
    help="The folder to write to; `-` is standard output.",
)
@_boundary("before")
def phase_counts(session: str, run: str, out: Path, boundary: Boundary) -> None:
    """Write a run's phase_proposal_counts_RUN.csv, as its simulator does."""
    file, rows = export_phase_counts(read_warehouse(Settings.from_environment()), session, run, boundary, out)
    console.show_written("counts", rows, file)


@main.command(name="phase-key")
@click.option("--session", required=True, help="The timeline.")
@click.option("--die", required=True, type=int)
@click.option("--plane", required=True, type=int)
@click.option("--at", "time_us", required=True, type=float, metavar="US", help="The time, in µs.")
@_boundary("covering")
def phase_key(session: str, die: int, plane: int, time_us: float, boundary: Boundary) -> None:
    """Print the phase key of a plane at a time, and nothing else.

    \b
    afterstate phase-key --session out --die 0 --plane 1 --at 8100.0
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    click.echo(find_phase_key(warehouse, session, die, plane, time_us, boundary))


for command in (retake, backup, restore, withdraw):
    main.add_command(command)
