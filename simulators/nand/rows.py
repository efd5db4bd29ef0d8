"""Proposal rows: one for each plane that a committed operation names, with its proposal's context (plan, step 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from simulators.nand.operations import Operation
from simulators.nand.scheduler import Decision
from simulators.nand.state_timeline import TICKS_PER_US

PROPOSAL_COLUMNS = (
    *("start_us", "end_us", "die", "plane", "block", "page", "op_name", "op_base", "source", "op_uid"),
    *("phase_key", "phase_hook_die", "phase_hook_plane", "phase_hook_label", "phase_key_time"),
    *("celltype_hint", "inherit_hints"),
)


def inherit_hints(celltype: str) -> str:
    """Return what an operation inherits from the first of its batch, as JSON."""
    return json.dumps({"celltype": celltype})


def proposal_values(operation: Operation) -> Iterator[tuple[Any, ...]]:
    """Return the values of `PROPOSAL_COLUMNS`, as proposed; None where there is none."""
    asked, op = operation.proposal, operation.op
    if asked is None:
        return
    celltype = op.celltype if operation.is_follower and op.celltype else None
    for plane, block, page in operation.addresses:
        yield (
            *(operation.start_tick / TICKS_PER_US, operation.end_tick / TICKS_PER_US),
            *(operation.die, plane, block, page, op.name, op.base.name, operation.source or None, operation.uid),
            *(asked.phase_key, asked.die, asked.plane, asked.label, asked.at_tick / TICKS_PER_US),
            *(celltype, inherit_hints(celltype) if celltype else None),
        )


class RowKeeper:
    """Keeps the operations of all runs in memory, and returns their rows."""

    def __init__(self) -> None:
        self._operations: dict[int, list[Operation]] = {}

    def decided(self, decision: Decision) -> None:
        """Keep the operations that were committed."""
        for operation in decision.operations:
            self._operations.setdefault(operation.run, []).append(operation)

    def started(self, operation: Operation) -> None:
        """Do nothing: rows are as proposed."""

    def flush(self, now: int) -> None:
        """Do nothing: all is kept."""

    def rows(self, run: int) -> list[dict[str, Any]]:
        """Return a run's rows as dicts with the columns of proposal_rows."""
        operations = self._operations.get(run, [])
        return [dict(zip(PROPOSAL_COLUMNS, row, strict=True)) for op in operations for row in proposal_values(op)]
