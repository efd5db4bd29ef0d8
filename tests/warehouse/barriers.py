"""Builds in this process that stop before a statement for what a test does there, and that can be killed there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import mysql.connector
import pytest

import dbt_afterstate
from afterstate.warehouse.dbt import dbt_command
from tests.bench import WITHOUT_TESTS, Bench, invoke_dbt

NODE = re.compile(r'"node_id": "model\.afterstate\.(\w+)"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ACTIONS = {
    "fill": re.compile(r"insert into \S+__dbt_(incoming|new)`?[ (]"),
    "write": re.compile(r"(delete `|rename table )"),
    "merge": re.compile(r"insert into .* on duplicate key update ", re.DOTALL),
    "note": re.compile(r"delete from \S+int_landing__built_loads"),
    "commit": re.compile(r"commit"),
}


class Killed(Exception):
    """What a test raises before a statement: the build's process ends there."""


def build_with_barriers(bench: Bench, before: Callable[[str, str], None], *arguments: str) -> bool:
    """Build one model after the other; `before` is told of each step, as (model, action), before it happens.

    A model's steps are its `fill`, its `write` (or swap) or `merge`, its `note`, and the `commit` after that; a
    table that is only swapped in ends with its `write`. Returns whether the build was through.
    """
    noted: set[str] = set()
    is_dead = False
    query = dbt_afterstate.ProfileConnection.cmd_query

    def stopping(connection: Any, statement: Any, *more: Any, **options: Any) -> Any:
        nonlocal is_dead
        text = statement if isinstance(statement, str) else bytes(statement).decode()
        node, plain = NODE.search(text), COMMENT.sub("", text).strip().lower()
        if node and not is_dead:
            action = next((name for name, pattern in ACTIONS.items() if pattern.match(plain)), None)
            noted.update({node[1]} if action == "note" else ())
            if action and (action != "commit" or node[1] in noted):
                try:
                    before(node[1], action)
                except Killed:
                    is_dead = True
        if is_dead:
            raise mysql.connector.OperationalError("the test has killed this build")
        return query(connection, statement, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt_afterstate.ProfileConnection, "cmd_query", stopping)
        line = dbt_command(bench.settings, "build", [*WITHOUT_TESTS, "--threads", "1", *arguments])[3:]
        return bool(invoke_dbt(line, bench.artifacts).success)
