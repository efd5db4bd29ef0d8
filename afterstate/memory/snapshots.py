"""What the warehouse remembers of shutdowns, as commands ask for it: rules, keys, and whether a build is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
import yaml

from afterstate.errors import AfterstateError, UsageError
from afterstate.marts.sessions import BUILD_FIRST, NO_SUCH_TABLE
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.profile import Credentials, Warehouse
from afterstate.warehouse.settings import Settings

NO_SUCH_COLUMN = 1054
RULE_CHARACTERS = 64
RULE_VARIABLE = "snapshot_rule_id"
KEY = ("run_id", "case_id", "antibody_id", "shutdown_step")
AWAITED = ("trace", "fallback", "reservation")
# Models that a build leaves as they are where no file concerns them; a snapshot that changes has to tell them.
READERS = ("design_trajectory", "governed_run_summary", "post_shutdown_timeline")


@dataclass(frozen=True, order=True)
class ShutdownKey:
    """What identifies a shutdown event."""

    run_id: str
    case_id: str
    antibody_id: str
    shutdown_step: int

    def __str__(self) -> str:
        return f"run `{self.run_id}`, case `{self.case_id}`, antibody `{self.antibody_id}`, step {self.shutdown_step}"

    @property
    def values(self) -> tuple[str, str, str, int]:
        """The key's values in the order of `KEY`."""
        return (self.run_id, self.case_id, self.antibody_id, self.shutdown_step)


def rule_or_current(settings: Settings, rule: str | None) -> str:
    """Return a rule that was asked for, or else the one that the project takes snapshots by.

    Raises UsageError for a text that cannot name a rule.
    """
    if rule is None:
        project = yaml.safe_load((settings.root / "dbt_project.yml").read_text(encoding="utf-8"))
        rule = str(project["vars"][RULE_VARIABLE])
    if not rule.strip() or len(rule) > RULE_CHARACTERS:
        raise UsageError(f"`{rule}` cannot name a rule", f"expected 1 to {RULE_CHARACTERS} characters")
    return rule


@contextmanager
def built(credentials: Credentials) -> Iterator[Any]:
    """Open a cursor for statements about marts; what they did is committed at the end.

    Raises AfterstateError when the marts are not built yet, or were built by an older Afterstate.
    """
    try:
        with open_cursor(credentials) as cursor:
            yield cursor
    except (pymysql.err.ProgrammingError, pymysql.err.OperationalError) as error:
        if error.args[0] not in (NO_SUCH_TABLE, NO_SUCH_COLUMN):
            raise
        raise AfterstateError("the snapshots are not built yet", BUILD_FIRST) from error


def memory_columns(cursor: Any, warehouse: Warehouse) -> list[str]:
    """Return the columns of the memory but `id`, in their order."""
    cursor.execute(
        "select column_name from information_schema.columns where table_schema = %s "
        "and table_name = 'shutdown_snapshot_memory' and column_name <> 'id' order by ordinal_position",
        (warehouse.schemas.marts,),
    )
    return [str(name) for (name,) in cursor.fetchall()]


@dataclass(frozen=True)
class Drifted:
    """One value of a snapshot that the files now contradict; `place` is the file and the line that do, if any."""

    key: ShutdownKey
    column: str
    frozen: str | None
    current: str | None
    place: str


def rule_to_export(settings: Settings, warehouse: Warehouse, rule: str | None) -> str:
    """Return a rule that was asked for, or else the project's current one.

    Raises UsageError for a text that cannot name a rule, and AfterstateError for a rule that no snapshot has.
    """
    wanted = rule_or_current(settings, rule)
    with built(warehouse.bi) as cursor:
        cursor.execute(
            f"select distinct snapshot_rule_id from {warehouse.table('marts', 'shutdown_state_snapshot')} order by 1"
        )
        known = [str(name) for (name,) in cursor.fetchall()]
    if rule is not None and wanted not in known:
        raise AfterstateError(
            f"no snapshot has the rule `{rule}`", f"expected one of: {', '.join(known) or 'none yet'}"
        )
    return wanted


def health_of(warehouse: Warehouse, rule: str) -> tuple[int, int]:
    """Return how many snapshots of a rule are incomplete, and how many have drifted."""
    return count_incomplete(warehouse, rule), count_drifted(warehouse, rule)


def count_incomplete(warehouse: Warehouse, rule: str) -> int:
    """Return how many snapshots of a rule still wait for an input."""
    with built(warehouse.bi) as cursor:
        cursor.execute(
            f"select count(*) from {warehouse.table('marts', 'shutdown_snapshot_inputs')} "
            "where snapshot_rule_id = %s and not is_complete",
            (rule,),
        )
        return int(cursor.fetchone()[0])


def count_drifted(warehouse: Warehouse, rule: str) -> int:
    """Return how many snapshots of a rule the files contradicted at the last build."""
    with built(warehouse.bi) as cursor:
        cursor.execute(
            f"select count(distinct snapshot_id) from {warehouse.table('marts', 'shutdown_snapshot_drift')} as drift "
            f"inner join {warehouse.table('marts', 'shutdown_state_snapshot')} as snapshots "
            "on drift.snapshot_id = snapshots.id where snapshots.snapshot_rule_id = %s",
            (rule,),
        )
        return int(cursor.fetchone()[0])


def drifted(warehouse: Warehouse, limit: int) -> list[Drifted]:
    """Return values that had drifted at the last build, at most `limit` of them, each with where to look."""
    key = ", ".join(f"drift.{name}" for name in KEY)
    with built(warehouse.dbt) as cursor:
        cursor.execute(
            f"select {key}, column_name, frozen_value, current_value, file_path, current_line_no "
            f"from {warehouse.table('marts', 'shutdown_snapshot_drift')} as drift "
            f"left join {warehouse.table('landing', 'landing_loads')} as loads "
            f"on drift.current_load_id = loads.load_id order by {key}, column_name limit %s",
            (limit,),
        )
        return [_drifted(*row) for row in cursor.fetchall()]


def _drifted(
    run: str, case: str, antibody: str, step: int, column: str, frozen: str, current: str, file: str, line: int
) -> Drifted:
    place = f"{file}, line {line}" if file else "that no landed file has the row any more"
    return Drifted(ShutdownKey(run, case, antibody, step), column, frozen, current, place)


def files_to_build(warehouse: Warehouse) -> int:
    """Return how many core files have landed, or were withdrawn, since the snapshots were last built."""
    with built(warehouse.dbt) as cursor:
        cursor.execute(
            f"select count(*) from {warehouse.table('landing', 'landing_loads')} as loads "
            f"left join {warehouse.table('staging', 'int_shutdown__loads')} as built on loads.load_id = built.load_id "
            "where loads.kind like 'core%' and ((loads.status = 'landed' and built.built_status is null) "
            "or (loads.status = 'withdrawn') <> (built.built_status = 'withdrawn'))"
        )
        return int(cursor.fetchone()[0])


def retakes_to_build(warehouse: Warehouse) -> int:
    """Return how many snapshots were taken again, or brought in, since the snapshots were last built."""
    with built(warehouse.bi) as cursor:
        cursor.execute(
            f"select count(*) from {warehouse.table('marts', 'shutdown_snapshot_memory')} as memory "
            f"left join {warehouse.table('marts', 'shutdown_state_snapshot')} as snapshots on memory.id = snapshots.id "
            "where snapshots.id is null"
        )
        return int(cursor.fetchone()[0])


def require_snapshots_built(warehouse: Warehouse) -> None:
    """Raise AfterstateError when the snapshots are not those of all that has landed."""
    files, changed = files_to_build(warehouse), retakes_to_build(warehouse)
    if files or changed:
        what = "core files have landed" if files else "snapshots were taken again or restored"
        raise AfterstateError(
            f"{what} since the last build: {files or changed}",
            f"{BUILD_FIRST}, or use `--stale` to export the last build",
        )
