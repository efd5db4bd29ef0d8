"""Which load, file and line stop a build: the row whose result a model cannot hold.

A model's compiled select is run again, into a temporary table of its contract's types, over less and less of what has
landed: all loads up to one, then all rows of that load up to one. The load is the first with which the model fails, the
row the first of that load. The views and landing tables that the model reads are put into its select, each with the
condition; of the tables that it reads, those with a `load_id` get it too. Nothing that others see is changed.

It works on what dbt says of a failed node, and takes at most BUDGET_SECONDS.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pymysql

from afterstate.warehouse.connect import connect
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.profile import Credentials
from loaders.reader import visible
from loaders.recognise import KINDS

BUDGET_SECONDS = 120
MOST_MODELS = 3
BESIDE, NAMED_AFTER = "__dbt_new", 50  # what a table is called while it is built (macros/adapter/swap_in.sql)
ERROR = re.compile(r"^\s*(\d{4}) \(\w+\): (.*)$", re.MULTILINE)
# NULL in a column that takes none; a value that is too long, too large, or none of its type; a key that is there twice.
DATA_ERRORS = {1048, 1062, 1264, 1265, 1292, 1366, 1406, 1411, 1690, 3140, 3141, 3819, 4025}
TOO_LONG = {1265, 1406}  # MySQL says now the one and now the other of the same value
PROBE = "afterstate_probe"


@dataclass(frozen=True)
class Part:
    """A part of what has landed: all up to a load, or that load alone, and of it all rows up to one."""

    load_id: int
    row_no: int | None = None
    is_alone: bool = False

    def condition(self, load: str, row: str | None) -> str:
        """Return the condition on the columns with the load's and the row's number."""
        last = f"{load} = {self.load_id}" + (f" and {row} <= {self.row_no}" if row and self.row_no is not None else "")
        return last if self.is_alone else f"{load} < {self.load_id} or ({last})"


@dataclass(frozen=True)
class Culprit:
    """The load, and the line where that is known, with which a model fails."""

    model: str
    error: str
    load_id: int
    kind: str
    place: str
    file_path: str
    line_no: int | None

    def __str__(self) -> str:
        """Return what caused the failure, and what sets it aside."""
        line = f", line {self.line_no}" if self.line_no else ""
        return (
            f"`{self.model}` fails ({self.error}) with load {self.load_id}, {self.kind}{self.place}\n"
            f"  {visible(self.file_path)}{line}\n"
            f"  `afterstate withdraw {self.load_id}` sets it aside; then build again"
        )


def report_culprits(schemas: Schemas, account: Credentials, task: Any, result: Any, say: Callable[[str], None]) -> None:
    """Report for each model that failed on its data which load, file and line caused it.

    `task` and `result` are dbt's, of a run that is over; `schemas` and `account` are what builds, and where.
    """
    failed = [(node, error) for node, error in _failures(result)][:MOST_MODELS]
    if not failed:
        return
    deadline = time.monotonic() + BUDGET_SECONDS
    with closing(connect(account)) as connection:
        connection.autocommit(True)
        connection.query("set session transaction isolation level read committed")
        reported = set()
        for node, (code, error) in failed:
            search = _Search(connection, schemas, _Model(node, task), code, deadline)
            try:
                culprit = search.find(error)
            except TimeoutError:
                culprit = None
            if culprit is None:
                say(f"cannot tell which load makes `{node.name}` fail: {error}")
            elif culprit.load_id not in reported:
                say(str(culprit))
                reported.add(culprit.load_id)


def _failures(result: Any) -> Iterator[tuple[Any, tuple[int, str]]]:
    for ran in getattr(result, "results", None) or ():
        found = ERROR.search(ran.message or "") if str(ran.status) == "error" else None
        if found and int(found[1]) in DATA_ERRORS and str(ran.node.resource_type) == "model":
            yield ran.node, (int(found[1]), found[2].strip())


class _Model:
    """A failed model and what it reads, as dbt's manifest has it."""

    def __init__(self, node: Any, task: Any) -> None:
        self.node = node
        self._manifest: Any = task.manifest

    @property
    def columns(self) -> list[str]:
        """The columns that a build writes."""
        given_out = self.node.config.get("merge_exclude_columns") or []
        return [name for name in self.node.columns if name not in given_out]

    def kinds(self, landing: str) -> list[str]:
        """Return the kinds of files that the model reads, directly or not."""
        found, seen, waiting = set(), set(), [self.node.unique_id]
        while waiting:
            unique_id = waiting.pop()
            if unique_id in seen:
                continue
            seen.add(unique_id)
            if source := self._source(unique_id, landing):
                found.add(source.name)
            elif unique_id in self._manifest.nodes:
                waiting += self._manifest.nodes[unique_id].depends_on.nodes
        return sorted(found)

    def select(self, part: Part, landing: str, tables: Mapping[str, Sequence[str]]) -> str:
        """Return the model's select over a part; `tables` has the columns of the tables that it reads."""
        return self._narrowed(self.node, part, landing, tables)

    def _narrowed(self, node: Any, part: Part, landing: str, tables: Mapping[str, Sequence[str]]) -> str:
        code = str(node.compiled_code)
        for unique_id in node.depends_on.nodes:
            read = self._manifest.nodes.get(unique_id)
            if self._source(unique_id, landing):
                read = self._manifest.sources[unique_id]
                code = _put(code, read, f"select * from {read.relation_name} where {part.condition(*LANDED)}")
            elif read and read.config.materialized == "view" and read.compiled_code:
                code = _put(code, read, self._narrowed(read, part, landing, tables))
            elif read and "load_id" in tables.get(read.relation_name or "", ()):
                row = "row_no" if "row_no" in tables[read.relation_name] else None
                code = _put(code, read, f"select * from {read.relation_name} where {part.condition('load_id', row)}")
        return code

    def _source(self, unique_id: str, landing: str) -> Any:
        source = self._manifest.sources.get(unique_id)
        is_landed = source and source.schema == landing and source.name in KIND_NAMES
        return source if is_landed else None


LANDED = ("_load_id", "_row_no")
KIND_NAMES = {kind.name for kind in KINDS}


class _Search:
    """The search for what makes one model fail."""

    def __init__(self, connection: Any, schemas: Schemas, model: _Model, code: int, deadline: float) -> None:
        self._connection = connection
        self._schemas = schemas
        self._model = model
        self._code = code
        self._deadline = deadline
        self._tables = self._columns_of_tables()

    def find(self, error: str) -> Culprit | None:
        """Return what makes the model fail, None when it cannot be found; raises TimeoutError."""
        loads = self._loads()
        if not loads or not self._create_probe() or not self._fails(Part(max(loads))):
            return None
        numbers = sorted(loads)
        load_id = numbers[_first(len(numbers), lambda index: self._fails(Part(numbers[index])))]
        kind, session, run, file_path = loads[load_id]
        place = f" of {session}, run {run}" if session else ""
        try:
            line_no = self._line(load_id, kind)
        except TimeoutError:
            line_no = None
        return Culprit(self._model.node.name, error, load_id, kind, place, file_path, line_no)

    def _line(self, load_id: int, kind: str) -> int | None:
        """Return the line of the row that brings it, None when it is not among its rows; raises TimeoutError."""
        rows = self._schemas.table("landing", kind)
        ((last,),) = self._ask(f"select coalesce(max(_row_no), 0) from {rows} where _load_id = {load_id}")
        is_alone = self._fails(Part(load_id, is_alone=True))
        row_no = 1 + _first(last, lambda index: self._fails(Part(load_id, index + 1, is_alone)))
        lines = self._ask(f"select _line_no from {rows} where _load_id = {load_id} and _row_no = {row_no}")
        return int(lines[0][0]) if lines else None

    def _loads(self) -> dict[int, tuple[str, str, str, str]]:
        """Return the loads that hold, of the kinds that the model reads."""
        kinds = self._model.kinds(self._schemas.landing)
        if not kinds:
            return {}
        found = self._ask(
            "select load_id, kind, session_id, run_id, file_path "
            f"from {self._schemas.table('landing', 'landing_loads')} where kind in %s and status = 'landed'",
            (kinds,),
        )
        return {number: tuple(rest) for number, *rest in found}

    def _create_probe(self) -> bool:
        """Make the table that takes a trial's rows, as the failed build made its own, or as the last one left it."""
        node = self._model.node
        for name in (node.alias[:NAMED_AFTER] + BESIDE, node.alias):
            try:
                self._ask(f"create temporary table {self._probe} like `{node.schema}`.`{name}`")
            except pymysql.MySQLError:
                continue
            return True
        return False

    @property
    def _probe(self) -> str:
        return self._schemas.table("staging", PROBE)

    def _fails(self, part: Part) -> bool:
        """Return whether the model fails with a part as the build did; raises TimeoutError when no time is left."""
        if time.monotonic() > self._deadline:
            raise TimeoutError
        columns = ", ".join(self._model.columns)
        select = self._model.select(part, self._schemas.landing, self._tables)
        try:
            self._ask(f"insert into {self._probe} ({columns}) select {columns} from (\n{select}\n) as incoming")
        except pymysql.MySQLError as error:
            return bool(error.args[0] == self._code or {error.args[0], self._code} <= TOO_LONG)
        finally:
            self._ask(f"delete from {self._probe}")
        return False

    def _columns_of_tables(self) -> dict[str, list[str]]:
        schemas = (self._schemas.marts, self._schemas.staging)
        found: dict[str, list[str]] = {}
        for schema, table, column in self._ask(
            "select table_schema, table_name, column_name from information_schema.columns where table_schema in %s",
            (schemas,),
        ):
            found.setdefault(f"`{schema}`.`{table}`", []).append(column)
        return found

    def _ask(self, statement: str, values: Any = None) -> Sequence[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


def _put(code: str, read: Any, select: str) -> str:
    """Put a select in the place of a relation, by the name that it has there; a select takes no index hint."""

    def named(found: re.Match[str]) -> str:
        return f"(\n{select}\n) as {found[1] or read.identifier}"

    place = re.escape(read.relation_name) + r"(?:\s+as\s+(\w+))?(?:\s+(?:force|ignore) index \([^)]*\))?"
    return re.sub(place, named, code)


def _first(count: int, fails: Callable[[int], bool]) -> int:
    """Return the first of the indexes below `count` that fails, the last of them being known to."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(middle) else (middle + 1, high)
    return low
