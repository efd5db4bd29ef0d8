"""The notebook's own snapshots, its core10_02_shutdown_snapshot.csv or its table as a CSV, as remembered ones.

What the file does not say is derived: the event was taken when the snapshot was created, and so was each input with at
least one value. An input without any is awaited: the notebook did not have it, and it may still come.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afterstate.errors import AfterstateError
from afterstate.marts.export import SNAPSHOT_COLUMNS
from afterstate.memory.archive import Row
from loaders.core import STATE
from loaders.kinds import Column
from loaders.recognise import kind_named
from loaders.values import DOUBLE, INTEGER, text_type

NEEDED = ("run_id", "case_id", "antibody_id", "shutdown_step", "snapshot_rule_id", "snapshot_created_at")
INT_LIMIT = 2**31
NOTHING_RESTORED = (
    "nothing was restored; expected what `afterstate backup` wrote, or the notebook's core10_02_shutdown_snapshot.csv"
)


def read_notebook_csv(file: Path) -> list[Row]:
    """Read the file's snapshots; none has an id yet.

    Raises AfterstateError with the line and the column that cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.DictReader(opened)
            header = set(rows.fieldnames or [])
            if lacking := [name for name in NEEDED if name not in header]:
                raise AfterstateError(
                    f"`{file}` is neither a backup nor the notebook's snapshots: it has no column `{lacking[0]}`",
                    NOTHING_RESTORED,
                )
            return [_snapshot(f"{file}, line {rows.line_num}", row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        problem = error if isinstance(error, csv.Error) else "it is not text in UTF-8"
        raise AfterstateError(f"`{file}` is neither a backup nor a CSV: {problem}", NOTHING_RESTORED) from error


def _snapshot(place: str, row: dict[str, Any]) -> Row:
    values = {name: _value(place, name, row.get(name) or "") for name in SNAPSHOT_COLUMNS}
    if empty := [name for name in NEEDED if values[name] is None]:
        raise AfterstateError(f"{place}: `{empty[0]}` is empty", NOTHING_RESTORED)
    created = values.pop("snapshot_created_at")
    taken = {
        f"{name}_taken_at": created if any(values[column.name] is not None for column in columns) else None
        for name, columns in STATE.items()
        if name != "event"
    }
    return {"id": None, **values, "event_taken_at": created, **taken}


def _value(place: str, name: str, text: str) -> Any:
    if not text:
        return None
    read, expected = READERS[name]
    try:
        return read(text)
    except (ValueError, OverflowError):
        raise AfterstateError(f"{place}: `{name}` is `{text}`, expected {expected}", NOTHING_RESTORED) from None


def _whole(text: str) -> int | None:
    number = _measure(text)
    if number is None:
        return None
    if number != int(number) or not -INT_LIMIT <= number < INT_LIMIT:
        raise ValueError(text)
    return int(number)


def _measure(text: str) -> float | None:
    if text.lower() == "nan":
        return None
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _time(text: str) -> dt.datetime:
    time = dt.datetime.fromisoformat(text)
    return time.astimezone(dt.timezone.utc).replace(tzinfo=None) if time.tzinfo else time


def _reader(column: Column) -> tuple[Callable[[str], Any], str]:
    numbers = {INTEGER: (_whole, "a whole number"), DOUBLE: (_measure, "a number")}
    return numbers.get(column.type, (column.type.serialize, "a shorter text"))


_KEY = kind_named("core10_shutdown_events").columns[:4]
READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    **{column.name: _reader(column) for columns in (_KEY, *STATE.values()) for column in columns},
    "snapshot_rule_id": (text_type(64).serialize, "a shorter text"),
    "snapshot_created_at": (_time, "a time such as 2026-01-08 09:27:18.936677, in UTC"),
}
