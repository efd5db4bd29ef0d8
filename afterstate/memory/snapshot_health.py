"""What `status` and `doctor` say of the snapshots as a whole: drift, gaps, and whether a build is due."""

from __future__ import annotations

from afterstate.errors import AfterstateError
from afterstate.marts.sessions import files_to_build as nand_files_to_build
from afterstate.memory.snapshots import (
    built,
    count_drifted,
    count_incomplete,
    drifted,
    files_to_build,
    retakes_to_build,
    rule_or_current,
)
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings

DRIFT_SHOWN = 5  # values; the table has them all
Note = tuple[str, str]  # what there is to know, and where to look or what to do


def examine_snapshots(settings: Settings, warehouse: Warehouse) -> list[Note]:
    """Return what is to be known of tables and snapshots, under the current rule; nothing when all is well."""
    try:
        return [*_builds(warehouse), *_values(warehouse, rule_or_current(settings, None)), *_guards(warehouse)]
    except AfterstateError as error:
        return [(error.what, error.hint)]


def _builds(warehouse: Warehouse) -> list[Note]:
    files, retaken = files_to_build(warehouse), retakes_to_build(warehouse)
    notes = []
    if nand_files := nand_files_to_build(warehouse):
        notes.append((f"nand files that wait for a build: {nand_files:,}", "run `afterstate build`"))
    if files:
        notes.append((f"core files that wait for a build: {files:,}", "run `afterstate build`"))
    if retaken:
        notes.append((f"retaken or restored snapshots that wait for a build: {retaken:,}", "run `afterstate build`"))
    return notes


def _values(warehouse: Warehouse, rule: str) -> list[Note]:
    marts = warehouse.schemas.marts
    incomplete, contradicted = count_incomplete(warehouse, rule), count_drifted(warehouse, rule)
    notes = []
    if incomplete:
        where = f"`{marts}.shutdown_snapshot_inputs` says what they wait for, in missing_inputs"
        notes.append((f"incomplete snapshots: {incomplete:,}", where))
    if contradicted:
        where = f"`{marts}.shutdown_snapshot_drift` has them all; `afterstate retake` takes a wrong snapshot again"
        notes.append((f"snapshots that the files now contradict: {contradicted:,}", where))
    for item in drifted(warehouse, DRIFT_SHOWN) if contradicted else []:
        said = f"{item.key}: {item.column} is frozen as {item.frozen}, the files say {item.current}"
        notes.append((said, f"see {item.place}"))
    return notes


def _guards(warehouse: Warehouse) -> list[Note]:
    """Check whether the server refuses to change what is frozen; only accounts that may create triggers see them."""
    with built(warehouse.dbt) as cursor:
        cursor.execute(
            "select count(*) from information_schema.triggers where event_object_schema = %s "
            "and event_object_table = 'shutdown_snapshot_memory'",
            (warehouse.schemas.marts,),
        )
        if cursor.fetchone()[0]:
            return []
    advice = "as an administrator: `set global log_bin_trust_function_creators = on`, then run `afterstate build`"
    return [("an UPDATE by hand could change frozen values: builds may not create triggers", advice)]
