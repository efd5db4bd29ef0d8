"""`afterstate sessions`: what has landed and is built, by session and run.

Data flow: the marts `nand_sessions`, `nand_runs` and `governed_runs`, over the login for BI tools -> a table for people
or an object for programs. What no build has taken in yet is counted, not listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import pymysql
from rich.cells import cell_len

from afterstate.cli import console
from afterstate.cli.options import JSON
from afterstate.errors import AfterstateError
from afterstate.marts.sessions import BUILD_FIRST, NO_SUCH_TABLE
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.published import published_from
from afterstate.warehouse.settings import Settings
from loaders.reader import visible

Row = Mapping[str, Any]
# The columns shown of each mart, with their heading.
RUNS = {"session_id": "session", "run_id": "run", "file_count": "files", "timeline_row_count": "timeline rows",
        "proposal_count": "proposals", "operation_count": "operations", "last_landed_at": "last landed (UTC)",
}  # fmt: skip
GOVERNED = {"run_id": "governed run", "file_count": "files", "design_count": "designs", "step_count": "steps",
            "shutdown_design_count": "shutdowns", "incomplete_count": "incomplete", "drifted_count": "drifted",
            "last_landed_at": "last landed (UTC)",
}  # fmt: skip


@click.command()
@JSON
def sessions(as_json: bool) -> None:
    """List the sessions and runs, with files, counts and times.

    \b
    afterstate sessions
    afterstate sessions --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    found = read_dimensions(warehouse)
    if as_json:
        console.print_json(found)
        return
    runs = [run for session in found["sessions"] for run in session["runs"]]
    for columns, rows in ((RUNS, runs), (GOVERNED, found["governed_runs"])):
        if rows:
            show(columns, rows)
    if not runs and not found["governed_runs"]:
        click.echo("no session or run has been built yet")
    if found["files_not_built"]:
        click.echo(f"files that wait for a build: {found['files_not_built']}")
        console.suggest("`afterstate build` brings the marts up to date")
    else:
        console.suggest("`afterstate report --out report.html` draws them, `afterstate export --help` writes files")


def read_dimensions(warehouse: Warehouse) -> dict[str, Any]:
    """Return the sessions with their runs, the governed runs, and how many files wait for a build.

    Raises AfterstateError when the marts are not built.
    """
    try:
        with connect(warehouse.bi) as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
            found = {
                mart: _read(cursor, warehouse.table("marts", mart), order)
                for mart, order in (
                    ("nand_sessions", "session_id"),
                    ("nand_runs", "session_id, char_length(run_id), run_id"),
                    ("governed_runs", "run_id"),
                )
            }
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        raise AfterstateError("the sessions and runs are not built yet", BUILD_FIRST) from error
    by_session: dict[str, list[Row]] = {}
    for run in found["nand_runs"]:
        by_session.setdefault(run["session_id"], []).append(run)
    return {
        "sessions": [{**session, "runs": by_session.get(session["session_id"], [])}
                     for session in found["nand_sessions"]],
        "governed_runs": found["governed_runs"],
        "files_not_built": _files_not_built(warehouse),
    }  # fmt: skip


def _read(cursor: Any, table: str, order: str) -> list[Row]:
    cursor.execute(f"select * from {table} order by {order}")
    return list(cursor.fetchall())


def _files_not_built(warehouse: Warehouse) -> int:
    """Count the files that came or went since the models that read their kind were built."""
    loads = warehouse.table("landing", "landing_loads")
    built = warehouse.table("staging", "int_landing__built_loads")
    with open_cursor(warehouse.dbt) as cursor:
        if published_from(cursor, warehouse.schemas) is not None:
            return 0
        cursor.execute(
            f"select count(*) from {loads} as loads where (status = 'landed') <> "
            f"exists (select 1 from {built} as built where built.load_id = loads.load_id)"
        )
        return int(cursor.fetchone()[0])


def show(columns: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Print rows as aligned columns, texts to the left and numbers to the right, a line for each row."""
    cells = [list(columns.values()), *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    is_number = [isinstance(rows[0][name], int) for name in columns]
    for line in cells:
        spaces = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        placed = [
            space + cell if right else cell + space for cell, space, right in zip(line, spaces, is_number, strict=True)
        ]
        click.echo("  ".join(placed).rstrip())
    click.echo()


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return visible(_as_text(value)) if value is not None else ""


def _as_text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else str(value)
