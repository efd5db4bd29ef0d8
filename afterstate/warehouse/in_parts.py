"""A table that a build makes as a whole, filled by several connections at once.

A server works with one core for each connection, and dbt gives each model one: two million segments kept one core at
work for ten seconds while others were idle. A model whose SQL has `in_part` (macros/adapter/in_parts.sql) is
filled by as many connections as the machine has cores and the profile threads, MOST_PARTS of them at most.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from dbt.adapters.sql import SQLAdapter

METHOD = "fill_in_parts"
MOST_PARTS = 8  # a build has 64 connections at most, and few planes are more


def install() -> None:
    """Let macros, in this process, call `adapter.fill_in_parts`; dbt may have loaded the profile's adapter before."""
    setattr(SQLAdapter, METHOD, fill_in_parts)
    for adapter in (SQLAdapter, *SQLAdapter.__subclasses__()):
        adapter._available_ |= {METHOD}


def cores() -> int:
    """Return how many cores this process may use; a server of its own is on the same machine, and others have more."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fill_in_parts(adapter: Any, prepare: Sequence[str], insert: str) -> int:
    """Run a statement that inserts a part of the rows once for each part, and return the rows that were inserted.

    The first part goes through the connection of the model that is being built, each other through one of its own. All
    run the statements `prepare` first, which set up a session. Raises a part's error when all have ended: what was
    inserted stays, in a table that nobody reads yet.
    """
    count = min(adapter.config.threads, cores(), MOST_PARTS)
    name = adapter.connections.get_thread_connection().name

    def fill(number: int) -> int:
        for statement in (*prepare, f"set @afterstate_part = {number}, @afterstate_parts = {count}"):
            adapter.execute(statement)
        response, _ = adapter.execute(insert)
        adapter.execute("commit")
        adapter.execute("set @afterstate_part = null")
        return int(response.rows_affected)

    def fill_beside(number: int) -> int:
        with adapter.connection_named(f"{name}, part {number + 1} of {count}"):
            return fill(number)

    with ThreadPoolExecutor(count) as threads:
        # Events of a thread say which model they are about by what the thread inherits.
        others = [threads.submit(copy_context().run, fill_beside, number) for number in range(1, count)]
        row_count = fill(0)
    return row_count + sum(other.result() for other in others)
