"""Whose the marts of a warehouse are: those of one lake, or those of the builds from what landed on the server."""

from __future__ import annotations

from collections.abc import Sequence

from afterstate.errors import AfterstateError
from afterstate.publish.lake import BuiltLake
from afterstate.publish.marts import Mart
from afterstate.publish.server import Server
from afterstate.warehouse.profile import Warehouse

APART = "publish into a warehouse of its own: `AFTERSTATE_SCHEMA=NAME afterstate up`, and this with the same variable"


def require_own(
    server: Server, warehouse: Warehouse, lake: BuiltLake, marts: Sequence[Mart], *, replaces: bool
) -> None:
    """Raise AfterstateError unless the marts are this lake's to replace; `replaces`: or another lake's.

    What a build made from landed rows is never replaced, and no memory is: they are not in the lake.
    """
    if not server.notes:
        _require_unbuilt(server, warehouse, marts)
        return
    others = {note.lake for note in server.notes.values() if note.lake_id != lake.lake_id}
    if others and not replaces:
        raise AfterstateError(
            f"the marts of `{warehouse.schemas.marts}` are published from another lake, {', '.join(sorted(others))}; "
            "nothing was changed",
            f"`--replace` puts those of {lake.uri} in their place; or {APART}",
        )


def _require_unbuilt(server: Server, warehouse: Warehouse, marts: Sequence[Mart]) -> None:
    name, place = warehouse.schemas.marts, warehouse.dbt.place
    ((landed,),) = server.ask(f"select count(*) from {warehouse.table('landing', 'landing_loads')}")
    if landed:
        raise AfterstateError(
            f"`{name}` on {place} has landed files of its own: {landed:,}; its marts are built from them, and nothing "
            "was changed",
            APART,
        )
    for mart in marts:
        # What a build makes without landed rows is empty, but for the seeds, which are the project's.
        if not mart.is_view and not mart.is_seed and mart.origin != "landing" and server.has_rows(mart):
            raise AfterstateError(
                f"`{mart.identifier}` of `{name}` on {place} has rows that were not published; nothing was changed",
                APART,
            )
