"""What became of the odd files in a warehouse: as the command says it, and as the tables have it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench
from tests.loaders.odd.expect import OddFile, printable
from tests.loaders.odd.kinds import KINDS, LONG

INVENTORY = {
    "information_schema.columns": "table_schema, table_name, column_name, column_type",
    "information_schema.routines": "routine_schema, routine_name",
    "information_schema.triggers": "trigger_schema, trigger_name",
    "information_schema.events": "event_schema, event_name",
    "information_schema.user_privileges": "grantee, privilege_type",
    "mysql.user": "user, host",
}
# One file whose quotes or numbers take forever would otherwise hold up all tests.
TIMEOUT_SECONDS = 3_000 if LONG else 300
REJECT = ("row_no", "line_no", "column_name", "value", "reason", "row_text")


@dataclass(frozen=True)
class Call:
    """One call of the command, in an empty folder that it should leave empty."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Outcome:
    """What became of one file: the command's object, its words about the file, what is in the tables."""

    result: dict[str, Any]
    said: str
    sha256: str | None
    rows: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


@dataclass(frozen=True)
class Landing:
    """Files landed twice into one warehouse, and what the server looked like before, between and after."""

    first: Call
    again: Call
    found: dict[str, tuple[OddFile, Outcome]]
    inventory: list[list[tuple[Any, ...]]]
    contents: list[list[tuple[Any, ...]]]


def land_all(bench: Bench, files: Sequence[OddFile]) -> Landing:
    """Write the files, land their folder, and land it again."""
    named = write(files, bench.folder / "files")
    inventory = [server_inventory(bench)]
    first = land(bench, bench.folder / "files", "--json")
    contents = [everything(bench)]
    again = land(bench, bench.folder / "files")
    contents.append(everything(bench))
    inventory.append(server_inventory(bench))
    found = outcomes(bench, named, first, again)
    return Landing(first, again, {path: (file, found[path]) for path, file in named.items()}, inventory, contents)


def server_inventory(bench: Bench) -> list[tuple[Any, ...]]:
    """List all that SQL could make or unmake, in every schema, and who may do what."""
    found: list[tuple[Any, ...]] = []
    with open_cursor(bench.server.admin) as cursor:
        for table, columns in INVENTORY.items():
            cursor.execute(f"select '{table}', {columns} from {table} order by {columns}")
            found += cursor.fetchall()
    return found


def everything(bench: Bench) -> list[tuple[Any, ...]]:
    """Sum up every table of the landing schema, times and ids included."""
    names = ", ".join(bench.warehouse.table("landing", name) for name in bench.landing_columns())
    return bench.query(f"checksum table {names}")


def write(files: Sequence[OddFile], folder: Path) -> dict[str, OddFile]:
    """Write the files and give them by the path that the command names."""
    for file in files:
        place = folder / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
    return {printable(str(folder / file.name)): file for file in files}


def land(bench: Bench, *arguments: str | Path, timeout_seconds: int = TIMEOUT_SECONDS) -> Call:
    """Run `afterstate land` as a process of its own."""
    empty = bench.folder / "empty"
    empty.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "loaders", "land", *map(str, arguments)],
        env={**os.environ, **bench.environment, "PYTHONUTF8": "1"},
        cwd=empty,
        capture_output=True,
        check=False,
        timeout=timeout_seconds,
    )
    assert list(empty.iterdir()) == []
    return Call(done.returncode, done.stdout.decode(), done.stderr.decode())


def outcomes(bench: Bench, files: dict[str, OddFile], first: Call, again: Call) -> dict[str, Outcome]:
    """Put together what became of each file, from `land --json` and from the same in words."""
    results = {item["file"]: item for item in json.loads(first.stdout)}
    said = _said(files, first.stderr + again.stdout)
    hashes = dict(bench.query("select load_id, content_sha256 from {landing}.landing_loads"))
    rejects = _by_load(bench, "landing_rejects", "load_id", REJECT)
    rows: dict[int, list[dict[str, Any]]] = {}
    for kind in KINDS.values():
        rows |= _by_load(bench, kind.name, "_load_id", ("_row_no", "_line_no", *kind.columns, "_other_columns"))
    return {
        path: Outcome(
            results[path],
            said.get(path, ""),
            hashes.get(results[path]["load_id"]),
            rows.get(results[path]["load_id"], []),
            rejects.get(results[path]["load_id"], []),
        )
        for path in files
    }


def _by_load(bench: Bench, table: str, load: str, columns: Sequence[str]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = ", ".join(f"`{name}`" for name in columns)
    row_no = columns[0]
    for load_id, *values in bench.query(f"select {load}, {names} from {{landing}}.{table} order by {load}, {row_no}"):
        found[load_id].append(dict(zip(columns, values, strict=True)))
    return found


def _said(files: dict[str, OddFile], printed: str) -> dict[str, str]:
    """Find what was said of each file as a whole: `<file>: <words>`, a hint on the next line."""
    said: dict[str, str] = {}
    shown = {name.replace("\n", "\\n"): name for name in files}  # a message's line is not broken by a name
    for found in re.finditer(
        r"^(?:ignored    )? +(?P<file>/.+?): (?:ignored: )?(?P<words>.*(?:\n    .*)*)", printed, re.MULTILINE
    ):
        if found["file"] in shown:
            said.setdefault(shown[found["file"]], re.sub(r"\n +", "; ", found["words"]))
    return said
