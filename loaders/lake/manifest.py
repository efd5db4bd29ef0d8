"""The manifest of a lake: what makes a load happen once, and its rows visible, is one commit to `landing_loads`.

Every change is a commit that Delta refuses when anybody else has committed since the manifest was read
(`max_commit_retries=0`); the change is then tried again on the new manifest. So ids are assigned once, of two
loaders of one content the second finds it known, and a session belongs to one folder, with no lock and no server.

A load is `opened` before its rows are written, which assigns its id, and `landed` when they are all there. Rows of
loads that are neither landed nor what came of it (a killed loader's, or those of the second of two) are not visible:
whoever reads a landing table reads the loads that `VISIBLE` names. An id is never assigned again.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import CommitFailedError

from afterstate.errors import LandingError
from loaders.inspection import Inspected
from loaders.kinds import Kind
from loaders.lake.tables import LOADS, LOADS_SCHEMA, Lake, OpenTables
from loaders.land import manifest_of
from loaders.store import LANDED, REJECTED, KnownLoad, session_taken

OPENED, ABANDONED = "opened", "abandoned"
SUPERSEDED, WITHDRAWN = "superseded", "withdrawn"
VISIBLE = (LANDED, REJECTED, SUPERSEDED, WITHDRAWN, "pruned")
AGAIN = "run the same command again"
TIMEOUT_SECONDS = 600
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.02, 0.5
MOST_FILES = 32
Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Closed:
    """How a load ended: `known` when another loader was first with its content, else the files it replaces."""

    known: KnownLoad | None
    replaced: Sequence[str] = ()


class Manifest:
    """The loads of a lake.

    A change reads of it only what is new since the last one.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._turn = threading.Lock()  # this process's own changes never meet: each meeting costs a wait
        self._tables = OpenTables(lake)
        self._rows_by_file: dict[str, list[Row]] = {}

    def open(self, inspected: Inspected) -> KnownLoad | int:
        """Return the load that has this content, or the id of the load that is now open for it.

        Raises LandingError when the session is another folder's.
        """
        stated = manifest_of(inspected)

        def change(rows: list[Row]) -> tuple[list[Row], KnownLoad | int]:
            _require_session(rows, inspected)
            known = _find(rows, stated)
            if known:
                return [], known
            load_id = max((row["load_id"] for row in rows), default=0) + 1
            counts = dict.fromkeys(("rows_read", "rows_landed", "rows_rejected"), 0)
            header = json.dumps(stated["header"], ensure_ascii=False)
            now = datetime.now(timezone.utc)
            opened = {**stated, "header": header, "folder": inspected.run.folder, "load_id": load_id, **counts}
            return [{**opened, "started_at": now, "status": OPENED}], load_id

        return self._change(change)

    def close(self, inspected: Inspected, load_id: int, landed: int, rejected: int) -> Closed:
        """Make a load's rows visible, and mark the loads of which nothing is read any more, in one commit.

        Raises LandingError when the session has become another folder's.
        """
        stated, kind = manifest_of(inspected), inspected.kind
        tried = Closed(None)

        def change(rows: list[Row]) -> tuple[list[Row], Closed]:
            nonlocal tried
            own = next(row for row in rows if row["load_id"] == load_id)
            if own["status"] != OPENED:  # the last try went through; an object store's answer was lost
                return [], tried
            changed, tried = closing(rows, own)
            return changed, tried

        def closing(rows: list[Row], own: Row) -> tuple[list[Row], Closed]:
            _require_session(rows, inspected)
            known = _find(rows, stated)
            if known:
                return [{**own, "status": ABANDONED}], Closed(known)
            counts = {"rows_read": landed + rejected, "rows_landed": landed, "rows_rejected": rejected}
            status = REJECTED if rejected and not landed else LANDED
            closed = {**own, **counts, "status": status, "finished_at": datetime.now(timezone.utc)}
            same_kind = [row for row in rows if row["kind"] == kind.name and row["load_id"] != load_id]
            if kind.is_stated_by_run:
                return _supersede_run(same_kind, closed)
            superseded = _superseded_keys(self._tables.latest(kind.name), kind, same_kind, closed)
            return [{**row, "status": SUPERSEDED} for row in [*same_kind, closed] if row["load_id"] in superseded] + (
                [] if load_id in superseded else [closed]
            ), Closed(None)

        return self._change(change)

    def _change(self, change: Callable[[list[Row]], tuple[list[Row], T]]) -> T:
        """Change the manifest; start over when another commit came first. Raises LandingError after TIMEOUT_SECONDS."""
        begun, wait = time.monotonic(), FIRST_WAIT_SECONDS
        while True:
            with self._turn, suppress(CommitFailedError):
                return self._try(change)
            if time.monotonic() - begun > TIMEOUT_SECONDS:
                place = self._lake.place(LOADS)
                raise LandingError(
                    f"{place}: others have been changing the manifest for {TIMEOUT_SECONDS} s", AGAIN, failure="busy"
                )
            time.sleep(random.uniform(0, wait))  # noqa: S311 (so that two do not keep step)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _try(self, change: Callable[[list[Row]], tuple[list[Row], T]]) -> T:
        """Write the rows that `change` makes of the manifest; raises CommitFailedError if another commit came first."""
        table = self._compacted()
        rows, outcome = change(self._rows(table))
        if rows:
            _commit(table, pa.Table.from_pylist(rows, schema=LOADS_SCHEMA))
        return outcome

    def _compacted(self) -> DeltaTable:
        """Return the manifest as it is now. Each change leaves a file of few rows; many of them are made one."""
        table = self._tables.latest(LOADS)
        if len(table.file_uris()) > MOST_FILES:
            with suppress(CommitFailedError):
                compact(table)
            return self._tables.latest(LOADS)
        return table

    def _rows(self, table: DeltaTable) -> list[Row]:
        """Return the manifest's rows; a file of Delta's never changes."""
        files = {file.path: file for file in table.to_pyarrow_dataset().get_fragments()}
        known = self._rows_by_file
        self._rows_by_file = {path: known.get(path) or file.to_table().to_pylist() for path, file in files.items()}
        return [row for rows in self._rows_by_file.values() for row in rows]


def compact(table: DeltaTable) -> None:
    """Write all rows into one file; raises CommitFailedError when another commit came since the table was opened.

    delta-rs's own `optimize.compact` (1.6.6) is no help: two that compact the same files both commit, each removes the
    files and adds all rows, and every load is there twice. Afterstate 0.3.0 used it; a lake that has got loads twice is
    repaired here.
    """
    rows = table.to_pyarrow_table().group_by(LOADS_SCHEMA.names).aggregate([]).cast(LOADS_SCHEMA)
    write_deltalake(table, rows, mode="overwrite", commit_properties=CommitProperties(max_commit_retries=0))


def _commit(table: DeltaTable, rows: pa.Table) -> None:
    """Write rows; raises CommitFailedError when anybody else has committed since the table was opened."""
    alone = CommitProperties(max_commit_retries=0)
    if set(rows["status"].to_pylist()) == {OPENED}:  # a new load: there is nothing to match, and an append is cheap
        write_deltalake(table, rows, mode="append", commit_properties=alone)
        return
    merge = table.merge(
        rows,
        "manifest.load_id = changed.load_id",
        source_alias="changed",
        target_alias="manifest",
        commit_properties=alone,
    )
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


def _require_session(rows: Sequence[Row], inspected: Inspected) -> None:
    run = inspected.run
    taken = [row for row in rows if row["session_id"] == run.session_id != "" and row["status"] in VISIBLE]
    folder = min(taken, key=lambda row: row["load_id"])["folder"] if taken else None
    if folder is not None and not run.is_session_named and folder != run.folder:
        raise session_taken(run, folder)


def _find(rows: Sequence[Row], stated: Row) -> KnownLoad | None:
    """Return the load of a content in its session and run; one that was withdrawn may come again."""
    names = ("kind", "content_sha256", "session_id", "run_id")
    for row in rows:
        is_same = all(row[name] == stated[name] for name in names)
        if is_same and row["status"] in VISIBLE and row["withdrawn_at"] is None:
            counts = (row["rows_read"], row["rows_landed"], row["rows_rejected"])
            return KnownLoad(row["load_id"], row["status"], *counts)
    return None


def _supersede_run(others: Sequence[Row], closed: Row) -> tuple[list[Row], Closed]:
    """Of all loads of the same kind, session and run, the latest holds; one of which no row fitted restates nothing."""
    active = [
        row
        for row in (*others, closed)
        if row["status"] == LANDED and all(row[name] == closed[name] for name in ("session_id", "run_id"))
    ]
    latest = max((row["load_id"] for row in active), default=0)
    changed = [{**row, "status": SUPERSEDED} for row in active if row["load_id"] < latest]
    replaced = [row["file_path"] for row in changed if row["load_id"] != closed["load_id"]]
    is_replaced = any(row["load_id"] == closed["load_id"] for row in changed)
    return [*changed, *([] if is_replaced else [closed])], Closed(None, replaced)


def _superseded_keys(landed: DeltaTable, kind: Kind, others: Sequence[Row], closed: Row) -> set[int]:
    """Return the loads of which every row has a later one of the same key, among those that share a key with this."""
    counting = [row["load_id"] for row in others if row["status"] in VISIBLE and row["withdrawn_at"] is None]
    active = {row["load_id"] for row in others if row["status"] == LANDED and row["rows_landed"]}
    load_id = closed["load_id"]
    if not counting or not closed["rows_landed"]:
        return set()
    same_key = " and ".join(f'newer."{name}" = older."{name}"' for name in kind.key)
    query = QueryBuilder().register("landed", landed)
    first = kind.key[0]
    bounds = f'select min("{first}") as least, max("{first}") as greatest from landed where _load_id = {load_id}'
    (bound,) = pa.table(query.execute(bounds).read_all()).to_pylist()
    # files of other runs are not opened: Delta knows the least and the greatest value of each
    reach = f'"{first}" between {_text(bound["least"])} and {_text(bound["greatest"])}'
    near = active & _loads(query, f"select distinct _load_id from landed where _load_id < {load_id} and {reach}")
    touched = {load_id}
    if near:
        touched |= _loads(
            query,
            f"select distinct older._load_id from landed as older inner join landed as newer on {same_key} "
            f"where newer._load_id = {load_id} and older._load_id in ({_list(near)}) and older.{reach}",
        )
    newer = [number for number in (*counting, load_id) if number > min(touched)]
    if not newer:
        return set()
    still_read = _loads(
        query,
        f"select distinct older._load_id from landed as older left anti join landed as newer on {same_key} "
        f"and newer._load_id > older._load_id and newer._load_id in ({_list(newer)}) "
        f"where older._load_id in ({_list(touched)})",
    )
    return touched - still_read


def _loads(query: QueryBuilder, sql: str) -> set[int]:
    return set(pa.table(query.execute(sql).read_all())["_load_id"].to_pylist())


def _text(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _list(load_ids: Sequence[int] | set[int]) -> str:
    return ", ".join(map(str, load_ids)) or "null"
