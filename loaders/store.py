"""One load, one transaction: the manifest, the rows and the rejects become visible together or not at all.

The unique key of `landing_loads` is what makes a landing happen once, across any number of loaders: the second one
waits for the first, then finds the file known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, func, insert, select, update
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError

from afterstate.errors import LandingError
from loaders.encode import REJECT_COLUMNS
from loaders.kinds import Kind
from loaders.reader import visible
from loaders.runs import Run
from loaders.send import Buffer
from loaders.tables import LandingTables

# `load_data` or `insert_lines` of module `send`.
Send = Callable[[Connection, Table, Sequence[str], dict[str, Any], Iterable[Buffer]], int]
UTC_NOW = func.utc_timestamp(6)
DUPLICATE_KEY = 1062
# What the manifest says of a load: its rows are there, or none of them fitted. One of the latter restates nothing.
LANDED, REJECTED = "landed", "rejected"
LOCKED = (1205, 1213)  # waited for too long, or for each other
LOCK_SECONDS = 3600  # how long a loader waits for another


@dataclass(frozen=True)
class KnownLoad:
    """What the manifest says of a file that was landed before."""

    load_id: int
    status: str
    rows_read: int
    rows_landed: int
    rows_rejected: int


def find_load(connection: Connection, loads: Table, kind: Kind, sha256: str, run: Run) -> KnownLoad | None:
    """Return the load of a file with this content, session and run, None when it never landed or was withdrawn."""
    columns = (loads.c.load_id, loads.c.status, loads.c.rows_read, loads.c.rows_landed, loads.c.rows_rejected)
    found = connection.execute(
        select(*columns).where(
            loads.c.kind == kind.name,
            loads.c.content_sha256 == sha256,
            loads.c.session_id == run.session_id,
            loads.c.run_id == run.run_id,
            loads.c.content_no == 0,
        )
    ).one_or_none()
    return KnownLoad(*found) if found else None


def require_session(connection: Connection, sessions: Table, run: Run) -> None:
    """Raise LandingError when a run's session is another folder's."""
    if not run.session_id:
        return
    folder = connection.scalar(select(sessions.c.folder).where(sessions.c.session_id == run.session_id))
    if folder is not None and not run.is_session_named and folder != run.folder:
        raise session_taken(run, folder)


def session_taken(run: Run, folder: str) -> LandingError:
    """Return the error that a run's session belongs to another folder."""
    session = visible(run.session_id)
    return LandingError(
        f"the session `{session}` is the timeline in {visible(folder)}; {visible(run.folder)} has the same name",
        "two timelines must never be mixed: give this one a name of its own with `--session NAME`, or say "
        f"`--session {session}` if both folders hold parts of one timeline",
        failure="session",
    )


def take_session(connection: Connection, sessions: Table, run: Run) -> None:
    """Claim the session for the folder that names it; raises LandingError when another folder was faster.

    A loader that closes a load of the session at the same moment waits here until this one is through: a session is
    taken as late as possible, so that its first files can land side by side.
    """
    if not run.session_id:
        return
    if connection.scalar(select(sessions.c.session_id).where(sessions.c.session_id == run.session_id)) is None:
        taken = mysql.insert(sessions).values(session_id=run.session_id, folder=run.folder)
        connection.execute(taken.on_duplicate_key_update(session_id=run.session_id))
    require_session(connection, sessions, run)


def open_load(connection: Connection, loads: Table, values: dict[str, Any], load_id: int | None = None) -> int | None:
    """Write a load into the manifest and return its id; None when another loader was first with the same content.

    `load_id` is that of a load that begins again; else it gets the next one.
    """
    try:
        result = connection.execute(
            insert(loads).values(**values, load_id=load_id, status="landed", started_at=UTC_NOW)
        )
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == DUPLICATE_KEY:
            return None
        raise
    return load_id or int(result.lastrowid)


def stream_rows(
    send: Send, connection: Connection, table: Table, columns: Sequence[str], load_id: int, lines: Iterable[Buffer]
) -> int:
    """Send encoded lines into a landing table and return their number as the server counted it.

    Raises LandingError when the server warns of anything.
    """
    return send(connection, table, columns, {"_load_id": load_id}, lines)


def stream_rejects(
    send: Send,
    connection: Connection,
    rejects: Table,
    load_id: int,
    kind: Kind,
    file_path: str,
    lines: Iterable[Buffer],
) -> int:
    """Send encoded rejects and return their number."""
    constants = {"load_id": load_id, "kind": kind.name, "file_path": file_path}
    return send(connection, rejects, REJECT_COLUMNS, constants, lines)


def close_load(connection: Connection, loads: Table, load_id: int, rows_landed: int, rows_rejected: int) -> None:
    """Write the counts, the status and the end of a load into the manifest."""
    connection.execute(
        update(loads)
        .where(loads.c.load_id == load_id)
        .values(
            rows_read=rows_landed + rows_rejected,
            rows_landed=rows_landed,
            rows_rejected=rows_rejected,
            status=REJECTED if rows_rejected and not rows_landed else LANDED,
            finished_at=UTC_NOW,
        )
    )


def take_kind(connection: Connection, tables: LandingTables, kind_name: str) -> None:
    """Wait until nobody else changes which loads of a kind hold; raises LandingError when that takes too long.

    Loads of a kind that close at the same time do so one by one, so that the second sees what the first has committed;
    the lock ends with the connection, after the commit.
    """
    name = hashlib.sha256(f"{tables.loads.schema}.{kind_name}".encode()).hexdigest()  # of 64 characters at most
    if connection.scalar(select(func.get_lock(name, LOCK_SECONDS))) != 1:
        raise LandingError(
            f"another loader has held {kind_name} for {LOCK_SECONDS} s; nothing was changed",
            "run the same command again",
            failure="busy",
        )


def mark_superseded(connection: Connection, tables: LandingTables, kind: Kind, load_id: int) -> list[str]:
    """Mark the loads of which nothing is read any more: later ones restate all of it (design section 3, rule 1).

    Returns the files of the same run that the load replaces.
    """
    take_kind(connection, tables, kind.name)
    if kind.is_stated_by_run:
        return _supersede_run(connection, tables, load_id)
    _supersede_keys(connection, tables, kind, load_id)
    return []


def _supersede_run(connection: Connection, tables: LandingTables, load_id: int) -> list[str]:
    """Of all loads of the same kind, session and run, the latest holds."""
    loads = tables.loads
    this = connection.execute(select(loads).where(loads.c.load_id == load_id)).one()
    same_run = and_(
        loads.c.kind == this.kind,
        loads.c.session_id == this.session_id,
        loads.c.run_id == this.run_id,
        loads.c.status == "landed",
    )
    # Plain reads, and writes by primary key: to wait here for a load that is still open would be to wait for one that
    # waits for the lock.
    active = {row.load_id: row.file_path for row in connection.execute(select(loads).where(same_run))}
    replaced = sorted(other for other in active if other < max(active))
    connection.execute(update(loads).where(loads.c.load_id.in_(replaced)).values(status="superseded"))
    return [str(active[other]) for other in replaced]


def _supersede_keys(connection: Connection, tables: LandingTables, kind: Kind, load_id: int) -> None:
    """Mark the loads of which every row has a later one of the same key.

    Only loads that share a key with the load just landed can have become so, and that load itself where a later one
    was faster: looking at them alone keeps a landing as quick after a thousand loads as after the first. The order of
    the joins and their index are given, since the server's statistics know nothing yet of rows that are this new, and
    it may choose to compare all with all.
    """
    loads, rows = tables.loads, tables.rows[kind.name]
    others = select(loads.c.load_id).where(
        loads.c.kind == kind.name, loads.c.load_id != load_id, loads.c.rows_landed > 0
    )
    if connection.execute(others.limit(1)).first() is None:
        return
    active = select(loads.c.load_id).where(
        loads.c.load_id.in_([load_id, *restated_by(connection, rows, kind, load_id)]),
        loads.c.status == "landed",
        loads.c.rows_landed > 0,
    )
    for candidate in connection.scalars(active).all():
        if not is_still_read(connection, tables, kind, candidate):
            connection.execute(update(loads).where(loads.c.load_id == candidate).values(status="superseded"))


def restated_by(connection: Connection, rows: Table, kind: Kind, load_id: int) -> Sequence[int]:
    """Return the earlier loads of which a row has the key of a row of this one."""
    newer = rows.alias("newer")
    touched = (
        select(rows.c["_load_id"])
        .prefix_with("straight_join")
        .distinct()
        .join_from(newer, rows, _is_restated(rows, newer, kind))
        .with_hint(rows, _by_key(kind))
        .where(newer.c["_load_id"] == load_id)
    )
    return connection.scalars(touched).all()


def is_still_read(connection: Connection, tables: LandingTables, kind: Kind, load_id: int) -> bool:
    """Return whether a row of the load has no later one of the same key, but for those of withdrawn loads."""
    loads, rows = tables.loads, tables.rows[kind.name]
    withdrawn = connection.scalars(
        select(loads.c.load_id).where(loads.c.kind == kind.name, loads.c.status == "withdrawn")
    ).all()
    newer = rows.alias("newer")
    restated = _is_restated(rows, newer, kind)
    counts = and_(restated, newer.c["_load_id"].not_in(withdrawn)) if withdrawn else restated
    still_read = (
        select(rows.c["_row_no"])
        .join_from(rows, newer, counts, isouter=True)
        .with_hint(newer, _by_key(kind))
        .where(rows.c["_load_id"] == load_id, newer.c["_load_id"].is_(None))
        .limit(1)
    )
    return connection.execute(still_read).first() is not None


def _is_restated(rows: Table, newer: FromClause, kind: Kind) -> ColumnElement[bool]:
    return and_(*(newer.c[name] == rows.c[name] for name in kind.key), newer.c["_load_id"] > rows.c["_load_id"])


def _by_key(kind: Kind) -> str:
    return f"force index (`{kind.name}_key`)"
