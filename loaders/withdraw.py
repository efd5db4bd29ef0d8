"""Withdrawing: a load counts as if it had never landed, until its file is landed again.

What it had superseded becomes active again. Its rows stay until they are pruned, but nothing reads them; what operation
remembers of them (frozen snapshots) stays as well. A withdrawal is one transaction, and takes turns with landings of
the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update
from sqlalchemy.exc import OperationalError

from afterstate.errors import UsageError
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.connect import detect
from afterstate.warehouse.holders import who_blocks, who_may_know
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.waiting import report_every_minute
from loaders import store
from loaders.content import hash_file
from loaders.reader import printable, visible
from loaders.recognise import kind_named
from loaders.tables import LandingTables, landing_tables

WITHDRAWN = "withdrawn"
COLUMNS = (
    "load_id",
    "kind",
    "session_id",
    "run_id",
    "file_path",
    "rows_read",
    "rows_landed",
    "rows_rejected",
    "status",
)
SHOWN = 10
LOADS = "`select * from landing_loads` in the audit schema lists them all"


@dataclass(frozen=True)
class Load:
    """A load as the manifest has it."""

    load_id: int
    kind: str
    session_id: str
    run_id: str
    file_path: str
    rows_read: int
    rows_landed: int
    rows_rejected: int
    status: str

    def as_json(self, status: str) -> dict[str, Any]:
        """Return the object that `withdraw --json` prints, of the same shape as `land --json`."""
        counts = {name: getattr(self, name) for name in ("rows_read", "rows_landed", "rows_rejected")}
        return {"file": self.file_path, "kind": self.kind, "status": status, **counts, "load_id": self.load_id}


@dataclass
class Withdrawal:
    """What happens to each load; those in `pruned` would become active again, but their rows are gone."""

    withdrawn: Sequence[Load]
    held_again: list[Load] = field(default_factory=list)
    pruned: list[Load] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def as_json(self) -> list[dict[str, Any]]:
        """Return an object for each load, with the status that it has now."""
        withdrawn = [load.as_json(_status_withdrawn(load)) for load in self.withdrawn]
        return [*withdrawn, *(load.as_json("landed") for load in self.held_again)]


class Withdrawer:
    """Finds the loads of one warehouse that somebody means, and withdraws them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._who_may_know = who_may_know(Settings.from_environment(), warehouse)
        self._engine = sqlalchemy_engine(warehouse.landing).execution_options(isolation_level="READ COMMITTED")
        collation = detect(warehouse.landing).exact_collation
        self._tables: LandingTables = landing_tables(warehouse.schemas, collation)

    def find(self, named: str | None, session: str | None = None, run: str | None = None) -> Sequence[Load]:
        """Return the loads that a load's number, or a file, names, and a session and a run, the oldest first.

        A file that is there means its content, one that is not there the path that it had. Raises UsageError when
        nothing that could be withdrawn is meant, or when a file means several loads.
        """
        loads = self._tables.loads
        conditions = [(loads.c.session_id, session), (loads.c.run_id, run)]
        within = [column == value for column, value in conditions if value is not None]
        if named is None:
            found = self._select(*within)
            where = f"session `{session}`" + (f", run `{run}`" if run else "")
            return found or self._nothing(f"no load of {where} is active")
        file = Path(named)
        if named.isdecimal() and not file.is_file():
            found = self._select(loads.c.load_id == int(named), *within)
            return found or self._nothing(f"there is no load {named}, or it has been withdrawn already")
        if file.is_file():
            found = self._select(loads.c.content_sha256 == hash_file(file), *within)
        else:
            found = self._of_path(file, within)
        return self._only(found, file, within)

    def withdraw(self, loads: Sequence[Load], *, is_trial: bool = False) -> Withdrawal:
        """Withdraw loads and return what becomes active again; with `is_trial`, only what would.

        Loads that somebody else has withdrawn meanwhile are left out. Raises LandingError when another loader does not
        finish with one of the kinds.
        """
        withdrawal = Withdrawal([])
        with self._engine.connect() as connection, report_every_minute(lambda: self._why_it_waits(connection)):
            for kind in sorted({load.kind for load in loads}):
                store.take_kind(connection, self._tables, kind)
            withdrawal.withdrawn = [load for load in loads if self._mark(connection, load)]
            by_kind = sorted(withdrawal.withdrawn, key=lambda load: load.kind)
            for kind, of_kind in groupby(by_kind, key=lambda load: load.kind):
                self._let_hold(connection, kind, list(of_kind), withdrawal)
            if is_trial:
                connection.rollback()
                return withdrawal
            connection.commit()
        for session in sorted({load.session_id for load in withdrawal.withdrawn} - {""}):
            self._free_session(session, withdrawal)
        return withdrawal

    def _why_it_waits(self, connection: Connection) -> str:
        own: Any = connection.connection.driver_connection
        return who_blocks(self._who_may_know, own.thread_id())

    def _select(self, *conditions: ColumnElement[bool]) -> Sequence[Load]:
        loads = self._tables.loads
        wanted = select(*(loads.c[name] for name in COLUMNS)).where(loads.c.content_no == 0, *conditions)
        with self._engine.connect() as connection:
            return [Load(*row) for row in connection.execute(wanted.order_by(loads.c.load_id))]

    def _of_path(self, file: Path, within: Sequence[ColumnElement[bool]]) -> Sequence[Load]:
        return self._select(self._tables.loads.c.file_path == printable(str(file.resolve())), *within)

    def _only(self, found: Sequence[Load], file: Path, within: Sequence[ColumnElement[bool]]) -> Sequence[Load]:
        if len(found) == 1:
            return found
        if found:
            numbers = ", ".join(str(load.load_id) for load in found[:SHOWN])
            raise UsageError(
                f"`{visible(str(file))}` means {len(found)} loads: {numbers}",
                "name one by its number, or `--session NAME --run RUN`",
            )
        same_path = self._of_path(file, within)
        hint = LOADS
        if same_path:
            numbers = ", ".join(str(load.load_id) for load in same_path[-SHOWN:])
            hint = f"other contents have landed from there, as load {numbers}: name one by its number"
        raise UsageError(f"`{visible(str(file))}` has not landed, or has been withdrawn already", hint)

    def _nothing(self, what: str) -> Sequence[Load]:
        raise UsageError(what, LOADS)

    def _mark(self, connection: Connection, load: Load) -> bool:
        loads = self._tables.loads
        marked = connection.execute(
            update(loads)
            .where(loads.c.load_id == load.load_id, loads.c.content_no == 0)
            .values(status=_status_withdrawn(load), withdrawn_at=func.utc_timestamp(6), content_no=load.load_id)
        )
        return bool(marked.rowcount)

    def _let_hold(self, connection: Connection, kind_name: str, gone: Sequence[Load], said: Withdrawal) -> None:
        """Reactivate the loads of a kind that are no longer superseded."""
        kind = kind_named(kind_name)
        if kind.is_stated_by_run:
            again = self._latest_of_runs(connection, gone, said)
        else:
            restated = [
                store.restated_by(connection, self._tables.rows[kind.name], kind, load.load_id) for load in gone
            ]
            numbers = sorted({number for some in restated for number in some})
            candidates = self._among(connection, numbers)
            again = [load for load in candidates if store.is_still_read(connection, self._tables, kind, load.load_id)]
            self._report_pruned(connection, kind_name, gone, said)
        loads = self._tables.loads
        for load in again:
            connection.execute(update(loads).where(loads.c.load_id == load.load_id).values(status="landed"))
        said.held_again += again

    def _latest_of_runs(self, connection: Connection, gone: Sequence[Load], said: Withdrawal) -> list[Load]:
        """Return the loads that are now the latest of their kind, session and run."""
        loads = self._tables.loads
        again = []
        for session, run in sorted({(load.session_id, load.run_id) for load in gone}):
            latest = connection.execute(
                select(*(loads.c[name] for name in COLUMNS))
                .where(
                    loads.c.kind == gone[0].kind,
                    loads.c.session_id == session,
                    loads.c.run_id == run,
                    loads.c.content_no == 0,
                )
                .order_by(loads.c.load_id.desc())
                .limit(1)
            ).first()
            load = Load(*latest) if latest else None
            if load and load.status == "superseded":
                again.append(load)
            elif load and load.status == "pruned":
                said.pruned.append(load)
                said.messages.append(
                    f"load {load.load_id} would become active again, but its rows were pruned: "
                    f"`afterstate withdraw {load.load_id}`, then land its file again"
                )
        return again

    def _among(self, connection: Connection, numbers: Sequence[int]) -> Iterator[Load]:
        """Return those of the loads that are superseded."""
        loads = self._tables.loads
        wanted = select(*(loads.c[name] for name in COLUMNS)).where(
            loads.c.load_id.in_(numbers), loads.c.status == "superseded"
        )
        return (Load(*row) for row in connection.execute(wanted.order_by(loads.c.load_id)).all())

    def _report_pruned(self, connection: Connection, kind: str, gone: Sequence[Load], said: Withdrawal) -> None:
        """Report pruned loads: their rows are gone, so nobody knows which keys they had."""
        loads = self._tables.loads
        is_pruned = and_(loads.c.kind == kind, loads.c.status == "pruned", loads.c.content_no == 0)
        last = max((load.load_id for load in gone if load.rows_landed), default=0)
        numbers = connection.scalars(
            select(loads.c.load_id).where(is_pruned, loads.c.load_id < last).order_by(loads.c.load_id)
        ).all()
        if numbers:
            shown = ", ".join(map(str, numbers[-SHOWN:]))
            said.messages.append(
                f"rows of {kind} were pruned (loads {shown}) and cannot become active again; "
                "`afterstate withdraw LOAD`, then landing its file again, brings them back"
            )

    def _free_session(self, session: str, said: Withdrawal) -> None:
        """Release a session's name for other folders when nothing of the session is left.

        A loader that is landing a file of it has written its load, and is waited for; it takes the session last.
        """
        loads, sessions = self._tables.loads, self._tables.sessions
        left = exists().where(loads.c.session_id == session, loads.c.content_no == 0)
        repeatable = self._engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            with repeatable.begin() as connection:
                connection.execute(sessions.delete().where(sessions.c.session_id == session, ~left))
        except OperationalError as error:
            if error.orig is None or error.orig.args[0] not in store.LOCKED:
                raise
            said.messages.append(f"session `{session}` still belongs to its folder: a file of it is landing now")


def _status_withdrawn(load: Load) -> str:
    """Set the status of withdrawn loads; a pruned one stays `pruned`, and its `content_no` lets its file land again."""
    return "pruned" if load.status == "pruned" else WITHDRAWN
