"""What the tests of the lake share: landing into one, and what is visible there, read by Delta's own reader.

A lake is a folder or a URL, as `--lake` takes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from deltalake import DeltaTable

from afterstate.cli.main import main
from loaders.recognise import KINDS
from tests.bench import ROOT

VISIBLE = ("landed", "rejected", "superseded", "withdrawn", "pruned")  # docs/landing.md


def run(*arguments: str | Path) -> Result:
    """Run `afterstate` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def land(lake: str | Path, *arguments: str | Path) -> list[dict[str, Any]]:
    """Land into a lake with `--json` and return the objects."""
    result = run("land", *arguments, "--lake", lake, "--json")
    assert result.exit_code in (0, 1, 3), result.output
    return list(json.loads(result.stdout))


def start(lake: str | Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """Run `afterstate land --lake --json` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "afterstate", "land", *map(str, arguments), "--lake", str(lake), "--json"],
        env=dict(os.environ),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def table(lake: str | Path, name: str) -> list[dict[str, Any]]:
    """Return all rows of a landing table, visible or not; none while a loader is making it."""
    place = f"{lake}/landing/{name}"
    return list(DeltaTable(place).to_pyarrow_table().to_pylist()) if DeltaTable.is_deltatable(place) else []


def commits(lake: str | Path) -> int:
    """Return how often the manifest was committed to."""
    place = f"{lake}/landing/landing_loads"
    return DeltaTable(place).version() + 1 if DeltaTable.is_deltatable(place) else 0


def loads(lake: str | Path) -> dict[int, dict[str, Any]]:
    """Return the visible loads by their ids; fails where one is there twice."""
    rows = table(lake, "landing_loads")
    assert len({load["load_id"] for load in rows}) == len(rows)
    return {load["load_id"]: load for load in rows if load["status"] in VISIBLE}


def open_loads(lake: str | Path) -> set[int]:
    """Return the ids of the loads whose rows are not all there."""
    return {load["load_id"] for load in table(lake, "landing_loads") if load["status"] == "opened"}


def rows_by_load(lake: str | Path, name: str, load: str = "_load_id", row_no: str = "_row_no") -> dict[int, list[Any]]:
    """Return the visible rows of a landing table in their order, by load."""
    found: dict[int, list[Any]] = {number: [] for number in loads(lake)}
    for row in sorted(table(lake, name), key=lambda row: (row[load], row[row_no])):
        if row[load] in found:
            found[row[load]].append(row)
    return found


def visible(lake: str | Path) -> Iterator[tuple[tuple[str, ...], list[Any], list[Any]]]:
    """Yield each visible load's key, rows and rejects without ids; fails where one is not as its load says."""
    rejects = rows_by_load(lake, "landing_rejects", "load_id", "row_no")
    rows = {kind.name: rows_by_load(lake, kind.name) for kind in KINDS}
    for number, load in loads(lake).items():
        its_rows, its_rejects = rows[load["kind"]][number], rejects[number]
        assert (len(its_rows), len(its_rejects)) == (load["rows_landed"], load["rows_rejected"]), load
        assert load["finished_at"] >= load["started_at"]
        key = tuple(load[name] for name in ("kind", "session_id", "run_id", "content_sha256"))
        yield key, *([[*row.values()][1:] for row in found] for found in (its_rows, its_rejects))
