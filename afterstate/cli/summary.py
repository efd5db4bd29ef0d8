"""What the demo shows at its end: the snapshots, what landed, how to look closer, and where everything is."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from pathlib import Path

from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings


def show(exported: Path, report: Path) -> None:
    """Print an exported snapshot file, the counts of all landed files, and the paths of both files."""
    settings = Settings.from_environment()
    warehouse = read_warehouse(settings)
    with exported.open(encoding="utf-8", newline="") as file:
        snapshots = list(csv.DictReader(file))
    for number, snapshot in enumerate(snapshots, start=1):
        print(f"snapshot {number} of `{warehouse.schemas.marts}.shutdown_state_snapshot`")
        for column, value in snapshot.items():
            print(f"  {column:<26}{value}")
    landed, rejected, files = _counts(warehouse)
    incomplete = _incomplete(warehouse)
    print(f"\nlanded   {landed:,} rows of {files:,} files, {rejected:,} rejected")
    print(f"incomplete snapshots: {incomplete:,}")
    print(f"\nlook at it           {report.resolve().as_uri()}")
    print("                     each shutdown as a picture, and below it the file and line of every value")
    if snapshots:
        print(f"why these values     {_explain(snapshots[0])}")
    print(f"snapshot CSV         {exported.resolve()}")
    reads = "read-only" if warehouse.is_bi_apart else "one account: it can change everything"
    print(f"connection settings  {settings.profiles_path}")
    print(f"for BI               {_program()} url --bi ({reads})")
    print("next                 . .venv/bin/activate; afterstate --help; dbt docs generate")


def _explain(snapshot: dict[str, str]) -> str:
    """Return the command that leads a snapshot's values back to their files and lines."""
    options = {"run": "run_id", "case": "case_id", "antibody": "antibody_id", "step": "shutdown_step"}
    words = [word for option, column in options.items() for word in (f"--{option}", snapshot[column])]
    return shlex.join([_program(), "explain", "snapshot", *words])


def _program() -> str:
    """Return `afterstate` as it can be typed here: its environment may not be active."""
    return os.path.relpath(Path(sys.executable).with_name("afterstate"))


def _counts(warehouse: Warehouse) -> tuple[int, int, int]:
    with open_cursor(warehouse.bi) as cursor:
        cursor.execute(
            "select coalesce(sum(rows_landed), 0), coalesce(sum(rows_rejected), 0), count(*) "
            f"from {warehouse.table('audit', 'landing_loads')}"
        )
        landed, rejected, files = cursor.fetchone()
    return int(landed), int(rejected), int(files)


def _incomplete(warehouse: Warehouse) -> int:
    with open_cursor(warehouse.bi) as cursor:
        cursor.execute(
            f"select count(*) from {warehouse.table('marts', 'shutdown_snapshot_inputs')} where not is_complete"
        )
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    show(Path(sys.argv[1]), Path(sys.argv[2]))
