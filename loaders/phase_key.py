"""One phase key, asked for on the command line (design section 5).

The warehouse finds the last-started span by its index; what its key is at the time, the rule's Python twin says.
"""

from __future__ import annotations

from typing import Any

from loaders.connect import cursor
from loaders.errors import UsageError
from loaders.profile import Warehouse
from loaders.sessions import require_built, require_session
from simulators.nand.phase_key import Boundary, Segment, phase_key, tick

COLUMNS = "op_base, state, start_us, end_us, start_tick, end_tick"


def find_phase_key(
    warehouse: Warehouse, session: str, die: int, plane: int, time_us: float, boundary: Boundary = "covering"
) -> str:
    """Give the phase key of a plane at a time in µs; DEFAULT for a plane that never did anything.

    Raises UsageError for a time that is not finite, AfterstateError for a session that has not landed or was not built.
    """
    try:
        at_tick = tick(time_us)
    except ValueError as error:
        raise UsageError(f"`--at {time_us}`: {error}") from error
    require_session(warehouse, session)
    require_built(warehouse, session)
    spans = _last_started(warehouse, (session, die, plane, at_tick))
    segments = [Segment(*span) for span in spans]
    current, previous = (*segments, None, None)[:2]
    return phase_key(current, previous, at_tick, boundary=boundary)


def _last_started(warehouse: Warehouse, place: tuple[str, int, int, int]) -> tuple[tuple[Any, ...], ...]:
    """Give the last-started span at a tick and the one before it, as far as there are any."""
    with cursor(warehouse.bi) as ask:
        ask.execute(
            f"select {COLUMNS} from {warehouse.table('marts', 'op_state_spans')} "
            "where session_id = %s and die = %s and plane = %s and start_tick <= %s "
            "order by start_tick desc, segment_no desc limit 2",
            place,
        )
        return tuple(ask.fetchall())
