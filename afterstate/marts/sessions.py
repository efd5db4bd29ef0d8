"""What sessions and runs the warehouse holds, as people ask for them."""

from __future__ import annotations

from collections.abc import Sequence

import pymysql

from afterstate.errors import AfterstateError
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.published import require_landed_here
from loaders.reader import visible

SHOWN = 10
NO_SUCH_TABLE = 1146
BUILD_FIRST = "run `afterstate build` first"


def require_session(warehouse: Warehouse, session: str) -> None:
    """Raise AfterstateError when nothing of the session has landed."""
    _require("session", session, _names(warehouse, "select distinct session_id", "session_id <> %s", ("",)))


def require_run(warehouse: Warehouse, session: str, run: str) -> None:
    """Raise AfterstateError when no proposals of the session's run have landed."""
    require_session(warehouse, session)
    where = "session_id = %s and kind = 'nand_proposal_rows'"
    runs = _names(warehouse, "select distinct run_id", where, (session,))
    _require("run", run, runs, f" with proposals in session `{session}`")


def require_built(warehouse: Warehouse, session: str) -> None:
    """Raise AfterstateError when files of the session came or went since the last build: answers would be stale."""
    if files := files_to_build(warehouse, session):
        raise AfterstateError(f"session `{session}` has files that wait for a build: {files}", BUILD_FIRST)


def files_to_build(warehouse: Warehouse, session: str | None = None) -> int:
    """Return how many nand files came or went since the last build, of one session or of all.

    Raises AfterstateError when the phase keys are not built yet.
    """
    loads = warehouse.table("landing", "landing_loads")
    built = warehouse.table("staging", "int_landing__built_loads")
    try:
        with open_cursor(warehouse.dbt) as cursor:
            cursor.execute(
                f"select count(*) from {loads} as loads left join {built} as built "
                "on built.model = 'proposal_phase_keys' and loads.load_id = built.load_id "
                "where (loads.session_id = %s or %s) and (loads.status = 'landed') <> (built.load_id is not null) "
                "and loads.kind in ('nand_op_state_timeline', 'nand_proposal_rows')",
                (session, session is None),
            )
            return int(cursor.fetchone()[0])
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        raise AfterstateError("the phase keys are not built yet", BUILD_FIRST) from error


def _names(warehouse: Warehouse, select: str, where: str, values: Sequence[str]) -> list[str]:
    require_landed_here(warehouse)
    with open_cursor(warehouse.landing) as cursor:
        cursor.execute(
            f"{select} from {warehouse.table('landing', 'landing_loads')} "
            f"where status <> 'withdrawn' and {where} order by 1",
            values,
        )
        return [str(name) for (name,) in cursor.fetchall()]


def _require(what: str, name: str, known: Sequence[str], where: str = "") -> None:
    if name in known:
        return
    absent = f"there is no {what} `{visible(name)}`{where}"
    if not known:
        raise AfterstateError(f"{absent}: none has landed", "`afterstate land DIR` lands a folder")
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    shown = ", ".join(visible(each) for each in known[:SHOWN])
    raise AfterstateError(absent, f"expected one of: {shown}{more}")
