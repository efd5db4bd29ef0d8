"""A simulation's rows, landed straight from memory, under every rule that files land under (design section 3).

Rows are spelled as the simulator's own exporter would, into a temporary CSV, and go through the same code as a file:
what is checked, rejected, hashed and known again is the same. Landing the exported file later restates the same run.
"""

from __future__ import annotations

import csv
import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from afterstate.errors import LandingError, UsageError
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.land import Lander
from loaders.recognise import kind_named
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions

MEMORY = "memory"  # where rows come from that never were in a file
TIMELINE_COLUMNS = ("die", "plane", "op_state", "op_name", "start", "end")


def land_simulation(
    *,
    session: str,
    run: str,
    rows: Iterable[Mapping[str, Any]] | None = None,
    timeline: Iterable[Sequence[Any]] | None = None,
    warehouse: Warehouse | None = None,
) -> list[FileResult]:
    """Land one run of a simulation and say what became of its rows, and of its timeline.

    `rows` are what `timeline_rows()` returns: mappings with the columns of nand_proposal_rows; other columns are kept.
    `timeline` is `snapshot()["timeline"]`: (die, plane, op_base, state, start_us, end_us), times in µs. It
    may hold earlier runs' segments, too: what is stated again is the same segment. None and NaN are empty; so are texts
    without characters. `warehouse` is the environment's unless it is given.

    Values that do not fit go to landing_rejects with their row. Raises UsageError for names that cannot be kept, and
    LandingError when nothing of the rows or of the timeline could be landed. What cannot be spelled as rows at all
    raises before anything has landed.
    """
    lander = Lander(
        warehouse or read_warehouse(Settings.from_environment()), run_options=RunOptions(session or "", run or "")
    )
    given = {
        "nand_op_state_timeline": None if timeline is None else _segments(timeline),
        "nand_proposal_rows": rows,
    }
    with tempfile.TemporaryDirectory(prefix="afterstate-") as folder:
        files = {name: _write(Path(folder) / name, name, kept) for name, kept in given.items() if kept is not None}
        results = [
            lander.land_found(InputFile(file, file, f"{MEMORY}:{name}", MEMORY), kind_named(name))
            for name, file in files.items()
        ]
    require_landed(results, "everything else has landed; fix this and make the same call again")
    return results


def require_landed(results: Sequence[FileResult], hint: str) -> None:
    """Raise one LandingError for all files of which nothing has landed; it has the failure of the first."""
    failed = [result for result in results if problems(result)]
    if failed:
        causes = [result.error for result in failed if isinstance(result.error, LandingError)]
        raise LandingError(
            "\n".join(problem for result in failed for problem in problems(result)),
            hint,
            failure=causes[0].failure if causes else "rejected" if failed[0].is_rejected else "server",
            causes=causes,
        )


def problems(result: FileResult) -> list[str]:
    """Return why nothing of what was given could be landed; say nothing where something was, or there were no rows."""
    if result.is_rejected:
        lead = f"{result.file}: none of the {result.rows_rejected:,} rows fits (load {result.load_id})"
        return [lead, *result.messages]
    return result.messages if result.status == "failed" else []


def _write(file: Path, kind: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the rows of one kind to a temporary file; raises UsageError for a column name that no file could have."""
    kept = [{str(name): value for name, value in row.items()} for row in rows]
    names = dict.fromkeys(column.name for column in kind_named(kind).columns)
    for row in kept:
        names.update(dict.fromkeys(row))
    for name in names:
        if "\0" in name or name.encode("utf-8", "replace").decode() != name:
            raise UsageError(f"a row of {kind} has the column {name!a}", "expected a name that can be written in UTF-8")
    with file.open("w", encoding="utf-8", errors="surrogatepass", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        writer.writerows([_serialize(row.get(name)) for name in names] for row in kept)
    return file


def _segments(timeline: Iterable[Sequence[Any]]) -> Iterable[dict[str, Any]]:
    for number, segment in enumerate(timeline, start=1):
        if len(segment) != len(TIMELINE_COLUMNS):
            raise UsageError(
                f"segment {number} of the timeline has {len(segment)} values",
                "expected (die, plane, op_base, state, start_us, end_us)",
            )
        die, plane, op_base, state, start_us, end_us = segment
        op_state = f"{_serialize(op_base)}.{_serialize(state)}"
        yield dict(zip(TIMELINE_COLUMNS, (die, plane, op_state, op_base, start_us, end_us), strict=True))


def _serialize(value: Any) -> str:
    """Serialize a value for a CSV: floats so that they read back the same, structures as JSON."""
    item = plain(value)
    if item is None or (isinstance(item, float) and math.isnan(item)):
        return ""
    if isinstance(item, dict | list | tuple):
        return json.dumps(item, ensure_ascii=False, default=in_json)
    return repr(item) if isinstance(item, float) else str(item)


def in_json(value: Any) -> Any:
    """Return what JSON has no word for as one that it has."""
    item = plain(value)
    return str(item) if item is value else item


def plain(value: Any) -> Any:
    """Return what numpy holds as Python's own: a numpy scalar's repr is not a number."""
    return value.tolist() if hasattr(value, "tolist") else value
