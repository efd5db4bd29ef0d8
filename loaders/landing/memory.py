"""A simulation's rows, landed straight from memory, under every rule that files land under (design section 3).

Rows are spelled as the simulator's own exporter would, into a temporary CSV, and take the one road that there is: what
is checked, rejected, hashed and known again is the same. Landing the exported file later restates the same run.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loaders.errors import LandingError
from loaders.landing.land import FileResult, Lander
from loaders.landing.recognise import kind_named
from loaders.landing.runs import Told
from loaders.profile import Warehouse, read_warehouse
from loaders.settings import Settings

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

    `rows` are what `timeline_rows()` gives: mappings with the columns of nand_proposal_rows; other columns are kept.
    `timeline` is what `snapshot()["timeline"]` gives: (die, plane, op_base, state, start_us, end_us), times in µs. It
    may hold earlier runs' segments, too: what is stated again is the same segment. None is empty; so are texts without
    characters; NaN is empty in numeric columns. `warehouse` is the environment's unless it is given.

    Values that do not fit go to landing_rejects with their row. Raises UsageError for names that cannot be kept, and
    LandingError when nothing of the rows or of the timeline could be landed.
    """
    lander = Lander(warehouse or read_warehouse(Settings.from_environment()), told=Told(session, run))
    results = []
    with tempfile.TemporaryDirectory(prefix="afterstate-") as folder:
        if timeline is not None:
            results.append(_land(lander, Path(folder) / "timeline", "nand_op_state_timeline", _segments(timeline)))
        if rows is not None:
            results.append(_land(lander, Path(folder) / "rows", "nand_proposal_rows", rows))
    failed = [message for result in results if result.status == "failed" for message in result.messages]
    if failed:
        raise LandingError(
            "\n".join(failed), "what else the call gave has landed; give the same again when it is mended"
        )
    return results


def _land(lander: Lander, file: Path, kind: str, rows: Iterable[Mapping[str, Any]]) -> FileResult:
    """Write the rows of one kind beside, and land them under a name that says where they came from."""
    known = kind_named(kind)
    kept = list(rows)
    names = dict.fromkeys(column.name for column in known.columns)
    for row in kept:
        names.update(dict.fromkeys(str(name) for name in row))
    with file.open("w", encoding="utf-8", errors="surrogatepass", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        writer.writerows([_spell(row.get(name)) for name in names] for row in kept)
    return lander.land_from_memory(file, known)


def _segments(timeline: Iterable[Sequence[Any]]) -> Iterable[dict[str, Any]]:
    for die, plane, op_base, state, start_us, end_us in timeline:
        yield dict(zip(TIMELINE_COLUMNS, (die, plane, f"{op_base}.{state}", op_base, start_us, end_us), strict=True))


def _spell(value: Any) -> str:
    """Spell a value as a CSV has it: floats so that they come back the same, structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    item = value.item() if hasattr(value, "item") else value  # a numpy scalar's repr is no number
    return repr(item) if isinstance(item, float) else str(item)
