"""`afterstate retake`: take a snapshot again that is known to be wrong (design section 4).

All snapshots of one command are taken again in one transaction, by dbt's account. The new snapshot says what the landed
files say now and gets an `id` of its own, so that an `id` never stands for other values; the former one goes, under its
`id`, to `shutdown_snapshot_retakes`. The other marts follow with the next build.
"""

from __future__ import annotations

import csv
import getpass
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from afterstate.errors import AfterstateError, UsageError
from afterstate.memory.snapshots import AWAITED, KEY, READERS, ShutdownKey, built, memory_columns
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.published import require_built_here

REASON_CHARACTERS = 1000
# A build that writes the same snapshot at the same moment may end in a deadlock; the server then undoes one of the two.
DEADLOCK = 1213
ATTEMPTS = 3
# The triggers on the memory let a session through that says so (macros/adapter/frozen.sql). A session that reads what
# is committed keeps no landing waiting.
BEGIN = ("set session transaction isolation level read committed", "set @afterstate_unfreeze = 1")


@dataclass(frozen=True)
class Retaken:
    """What became of one snapshot; without `new_id`, the files say what it says, and it stays."""

    key: ShutdownKey
    former_id: int
    new_id: int | None = None
    missing: tuple[str, ...] = ()


def retake(warehouse: Warehouse, rule: str, keys: Sequence[ShutdownKey], reason: str) -> list[Retaken]:
    """Retake snapshots of a rule, all of them or none, and return what became of each.

    An input that the files no longer have is awaited again. Raises UsageError for a reason that says nothing, and
    AfterstateError for a shutdown that is not remembered or whose event is not landed.
    """
    if not reason.strip() or len(reason) > REASON_CHARACTERS:
        raise UsageError("`--reason` must say why", f"expected 1 to {REASON_CHARACTERS} characters")
    attempts = ATTEMPTS
    while True:
        try:
            return _take_all(warehouse, rule, keys, reason)
        except pymysql.err.OperationalError as error:
            attempts -= 1
            if error.args[0] != DEADLOCK or not attempts:
                raise


def _take_all(warehouse: Warehouse, rule: str, keys: Sequence[ShutdownKey], reason: str) -> list[Retaken]:
    with built(warehouse.dbt) as cursor:
        require_built_here(cursor, warehouse.schemas)
        for statement in BEGIN:
            cursor.execute(statement)
        cursor.execute("select utc_timestamp(6)")
        (now,) = cursor.fetchone()
        work = _Retake(cursor, warehouse, rule, (now, who_asks(), reason))
        return [work.take(key) for key in dict.fromkeys(keys)]


def who_asks() -> str:
    """Return who runs this command, as `user@machine`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{platform.node()}"[:255]


def read_keys(file: Path) -> list[ShutdownKey]:
    """Read the keys of shutdowns from a CSV with a header; other columns are passed over.

    `step` is taken for `shutdown_step`. Raises UsageError with the line that cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.DictReader(opened)
            header = [{"step": "shutdown_step"}.get(name, name) for name in rows.fieldnames or []]
            rows.fieldnames = header
            if lacking := [name for name in KEY if name not in header]:
                raise UsageError(f"{file}: no column `{lacking[0]}`", f"expected the columns {', '.join(KEY)}")
            return [_key(file, rows.line_num, row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: {error}", "expected a CSV in UTF-8") from error


def _key(file: Path, line: int, row: dict[str, str | None]) -> ShutdownKey:
    run, case, antibody, step = (row[name] for name in KEY)
    try:
        return ShutdownKey(run or "", case or "", antibody or "", int(step or ""))
    except ValueError:
        raise UsageError(f"{file}, line {line}: `{step}` is not a step", "expected a whole number") from None


class _Retake:
    """One command's work, over one transaction."""

    def __init__(self, cursor: Any, warehouse: Warehouse, rule: str, why: tuple[Any, str, str]) -> None:
        self._cursor = cursor
        self._rule = rule
        self._why = why
        self._memory = warehouse.table("marts", "shutdown_snapshot_memory")
        self._retakes = warehouse.table("marts", "shutdown_snapshot_retakes")
        self._current = warehouse.table("staging", "int_shutdown__current_states")
        self._built = warehouse.table("staging", "int_landing__built_loads")
        columns = memory_columns(cursor, warehouse)
        self._all = ", ".join(columns)
        self._state = [name for name in columns if name not in ("snapshot_rule_id", *KEY) and name[-9:] != "_taken_at"]

    def take(self, key: ShutdownKey) -> Retaken:
        where = " and ".join(f"{name} = %s" for name in KEY)
        self._cursor.execute(
            f"select id, {self._taken()} from {self._memory} where snapshot_rule_id = %s and {where} for update",
            (self._rule, *key.values),
        )
        former = self._cursor.fetchone()
        if not former:
            raise AfterstateError(
                f"no snapshot is remembered of {key}, under the rule `{self._rule}`; nothing was retaken",
                "`afterstate export snapshot` lists what is remembered",
            )
        found = ", ".join(f"is_{name}_found" for name in AWAITED)
        self._cursor.execute(f"select {found}, {', '.join(self._state)} from {self._current} where {where}", key.values)
        current = self._cursor.fetchone()
        if not current:
            raise AfterstateError(
                f"no landed file has the event of {key}; nothing was retaken", "land its file, then try again"
            )
        if former[1:] == current:
            return Retaken(key, former[0])
        missing = tuple(name for name, is_found in zip(AWAITED, current, strict=False) if not is_found)
        return Retaken(key, former[0], self._replace(former[0], key, where), missing)

    def _taken(self) -> str:
        """Return the columns of the memory under the names of the current states."""
        return ", ".join([*(f"{name}_taken_at is not null" for name in AWAITED), *self._state])

    def _replace(self, former_id: int, key: ShutdownKey, where: str) -> int:
        now = self._why[0]
        self._cursor.execute(
            f"insert into {self._retakes} (snapshot_id, retaken_as, retaken_at, retaken_by, reason, {self._all}) "
            f"select id, 0, %s, %s, %s, {self._all} from {self._memory} where id = %s",
            (*self._why, former_id),
        )
        self._cursor.execute(f"delete from {self._memory} where id = %s", (former_id,))
        names = ["snapshot_rule_id", *KEY, *self._state, "event_taken_at", *(f"{name}_taken_at" for name in AWAITED)]
        times = ["%s", *(f"if(is_{name}_found, %s, null)" for name in AWAITED)]
        self._cursor.execute(
            f"insert into {self._memory} ({', '.join(names)}) "
            f"select %s, {', '.join([*KEY, *self._state, *times])} from {self._current} where {where}",
            (self._rule, *[now] * len(times), *key.values),
        )
        if self._cursor.rowcount != 1:
            raise AfterstateError(f"the event of {key} has just been withdrawn; nothing was retaken")
        new_id = int(self._cursor.lastrowid)
        self._cursor.execute(f"update {self._retakes} set retaken_as = %s where snapshot_id = %s", (new_id, former_id))
        # The next build reads the designs of the event's load again.
        self._cursor.execute(
            f"delete from {self._built} where model in %s "
            f"and load_id in (select event_load_id from {self._current} where {where})",
            (READERS, *key.values),
        )
        return new_id
