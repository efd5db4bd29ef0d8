"""One phase key, asked for on the command line or in Python (design section 5).

The warehouse finds the last-started span by its index; what its key is at the time, the rule's Python twin says.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from afterstate.errors import UsageError
from afterstate.marts.sessions import require_built, require_session
from afterstate.phase_key import Boundary, Segment, phase_key, tick
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings

COLUMNS = "op_base, state, start_us, end_us, start_tick, end_tick"


def phase_key_at(
    session: str, die: int, plane: int, t: float, boundary: Boundary = "covering", *, warehouse: Warehouse | None = None
) -> str:
    """Return the phase key of a plane at a time `t` in µs; DEFAULT for a plane that never did anything.

    `warehouse` is the environment's unless it is given. Raises UsageError for a time that is not finite, ValueError for
    another boundary, AfterstateError for a session that has not landed or was not built.
    """
    found = warehouse or read_warehouse(Settings.from_environment())
    return find_phase_key(found, session, int(die), int(plane), float(t), boundary)


def find_phase_key(
    warehouse: Warehouse, session: str, die: int, plane: int, time_us: float, boundary: Boundary = "covering"
) -> str:
    """Return the phase key of a plane at a time in µs; DEFAULT for a plane that never did anything.

    Raises UsageError for a time that is not finite, AfterstateError for a session that has not landed or was not built.
    """
    try:
        at_tick = tick(time_us)
    except ValueError as error:
        raise UsageError(f"{error}") from error
    require_session(warehouse, session)
    require_built(warehouse, session)
    spans = _last_started(warehouse, session, die, plane, at_tick)
    segments = [Segment(*span) for span in spans]
    current, previous = (*segments, None, None)[:2]
    return phase_key(current, previous, at_tick, boundary=boundary)


def _last_started(warehouse: Warehouse, session: str, die: int, plane: int, at_tick: int) -> list[tuple[Any, ...]]:
    """Return the last-started span at a tick and the one before it, as far as there are any.

    Spans are numbered by their start, so the last one is found by bisection: a few look-ups by key, however long the
    timeline is.
    """
    spans = f"from {warehouse.table('marts', 'op_state_spans')} where session_id = %s and die = %s and plane = %s"
    place = (session, die, plane)
    with open_cursor(warehouse.bi) as cursor:

        def start_tick(segment_no: int) -> int:
            cursor.execute(f"select start_tick {spans} and segment_no = %s", (*place, segment_no))
            return int(cursor.fetchone()[0])

        cursor.execute(f"select coalesce(max(segment_no), 0) {spans}", place)
        last = bisect_right(range(1, cursor.fetchone()[0] + 1), at_tick, key=start_tick)
        cursor.execute(
            f"select {COLUMNS} {spans} and segment_no in (%s, %s) order by segment_no desc", (*place, last, last - 1)
        )
        return list(cursor.fetchall())
