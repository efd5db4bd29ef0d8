"""What the warehouse remembers of shutdowns, as commands ask for it: rules, keys, and whether a build is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
import yaml

from loaders.connect import cursor
from loaders.errors import AfterstateError, UsageError
from loaders.profile import Connection, Warehouse
from loaders.sessions import BUILD_FIRST, NO_SUCH_TABLE
from loaders.settings import Settings

NO_SUCH_COLUMN = 1054
RULE_CHARACTERS = 64
RULE_VARIABLE = "snapshot_rule_id"
KEY = ("run_id", "case_id", "antibody_id", "shutdown_step")
AWAITED = ("trace", "fallback", "reservation")


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
def built(connection: Connection) -> Iterator[Any]:
    """Open a cursor for statements about marts; what they did is committed at the end.

    Raises AfterstateError when the marts are not built yet, or were built by an older Afterstate.
    """
    try:
        with cursor(connection) as ask:
            yield ask
    except (pymysql.err.ProgrammingError, pymysql.err.OperationalError) as error:
        if error.args[0] not in (NO_SUCH_TABLE, NO_SUCH_COLUMN):
            raise
        raise AfterstateError("the snapshots are not built yet", BUILD_FIRST) from error


def memory_columns(ask: Any, warehouse: Warehouse) -> list[str]:
    """Return the columns of the memory but `id`, in their order."""
    ask.execute(
        "select column_name from information_schema.columns where table_schema = %s "
        "and table_name = 'shutdown_snapshot_memory' and column_name <> 'id' order by ordinal_position",
        (warehouse.schemas.marts,),
    )
    return [str(name) for (name,) in ask.fetchall()]
