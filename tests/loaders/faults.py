"""What the tests of disturbed landings share: a loader as a process, moments of its life, and what may be seen then.

`visible` is the judge of all of them: a load is there with all its rows and rejects, or nothing of it is.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterstate.warehouse.connect import connect
from loaders.recognise import KINDS
from tests.bench import ROOT, Bench
from tests.loaders.helpers import TRACE_FILE, TRACE_KIND, csv_text, trace, watch_rows

# AFTERSTATE_LONG_TESTS=1 repeats what is left to chance often enough to mean something; it takes some minutes.
LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
TIMEOUT_SECONDS = 120
TIMELINE_KIND = "nand_op_state_timeline"
TIMELINE_FILE = "op_state_timeline_261122_0000001.csv"
TIMELINE = ("start", "end", "die", "plane", "op_state", "lane", "op_name", "duration")
ROWS = {TRACE_KIND: 200_000, TIMELINE_KIND: 100_000} if LONG else {TRACE_KIND: 120_000, TIMELINE_KIND: 60_000}
EVERY_REJECT = 20
LOST, NO_CONNECTION = "the connection to the server was lost", "no connection as"
AGAIN = "run the same command again"

Key = tuple[str, str, str, str]  # kind, session, run, SHA-256
Loads = dict[Key, dict[str, Any]]
Moment = Callable[[Bench, "subprocess.Popen[str]"], None]


def write_files(folder: Path) -> None:
    """Write a file of each family, with rows that do not fit; the last one does."""
    steps = (f"{step}.5" if step % EVERY_REJECT == 0 else step for step in range(ROWS[TRACE_KIND]))
    text = trace((step, number / 7) for number, step in enumerate(steps))
    (folder / TRACE_FILE).write_text(text, encoding="utf-8")
    states = ("ERASE" if row % EVERY_REJECT == 0 else "ERASE.ISSUE" for row in range(ROWS[TIMELINE_KIND]))
    segments = ((row, row + 0.75, row % 4, 1, state, "lane", "erase", 0.75) for row, state in enumerate(states))
    (folder / TIMELINE_FILE).write_text(csv_text(TIMELINE, segments), encoding="utf-8")


def start(bench: Bench, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Run `afterstate land --json` as a process of its own; `options` are Popen's."""
    environment = {**os.environ, **bench.environment, **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "loaders", "land", *map(str, arguments), "--json"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def results(loader: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what a loader says of its files, all of which it must have dealt with."""
    output, errors = loader.communicate(timeout=TIMEOUT_SECONDS)
    assert loader.returncode == 0, errors
    return list(json.loads(output))


def failure(loader: subprocess.Popen[str], *says: str) -> str:
    """Require that a loader ended with 1, said so for people and for scripts, and give what it said."""
    output, errors = loader.communicate(timeout=TIMEOUT_SECONDS)
    assert loader.returncode == 1, (output, errors)
    assert "Traceback" not in errors
    missing = [text for text in says if text not in errors]
    assert not missing, (missing, errors)
    for result in json.loads(output or "[]"):
        if result["status"] == "failed":
            assert (result["rows_landed"], result["rows_rejected"], result["load_id"]) == (0, 0, None)
    return errors


def until(what: Callable[[], Any], loader: subprocess.Popen[str] | None = None) -> None:
    """Wait until something holds, or the loader has ended."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not what() and (loader is None or loader.poll() is None):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def visible(bench: Bench, *, with_place: bool = True) -> Loads:
    """Return the loads that everybody sees, each with the checksums of its rows and rejects; ids and times left out.

    Fails where a load is not whole, or something is there without its load. `with_place` tells whether it matters from
    which of several equal files a load came, and whether others have restated it.
    """
    columns = bench.landing_columns()
    with closing(connect(bench.warehouse.landing)) as opened, opened.cursor() as cursor:

        def query(statement: str) -> list[Any]:
            cursor.execute(bench.sql(statement))
            return list(cursor.fetchall())

        query("set session transaction isolation level repeatable read")
        query("start transaction with consistent snapshot")
        kinds = [kind.name for kind in KINDS]
        rows = {kind: {row[0]: row[1:] for row in query(_rows_of(kind, columns[kind]))} for kind in kinds}
        rejects = {
            row[0]: row[1:]
            for row in query(
                "select r.load_id, count(*), sum(crc32(concat_ws('|', r.row_no, r.line_no, r.kind, "
                "ifnull(r.column_name, '<null>'), ifnull(r.value, '<null>'), r.reason, r.row_text))), "
                "sum(r.kind = l.kind and r.file_path = l.file_path) from {landing}.landing_rejects r "
                "left join {landing}.landing_loads l on l.load_id = r.load_id group by r.load_id"
            )
        }
        loads: Loads = {}
        for load in query(
            "select load_id, kind, session_id, run_id, content_sha256, rows_read, rows_landed, rows_rejected, "
            "header, notes, finished_at >= started_at, file_bytes, file_path, status from {landing}.landing_loads"
        ):
            number, kind, session, run, sha256, read, landed, rejected, *rest = load
            its_rows, its_rejects = rows[kind].pop(number, (0,)), rejects.pop(number, (0, None, 0))
            assert (landed, rejected, read) == (its_rows[0], its_rejects[0], its_rows[0] + its_rejects[0]), load
            assert its_rejects[0] == its_rejects[2]
            facts = {"rows": its_rows, "rejects": its_rejects, "rest": rest if with_place else rest[:-3]}
            loads[kind, session, run, sha256] = facts
        assert (rejects, {kind: left for kind, left in rows.items() if left}) == ({}, {})  # nothing without its load
        sessions = {session for (session,) in query("select session_id from {landing}.landing_sessions")}
        assert sessions == {session for _, session, _, _ in loads if session}
    return loads


def _rows_of(kind: str, columns: list[str]) -> str:
    texts = ", ".join(f"ifnull(cast(`{name}` as char), '<null>')" for name in columns if name != "_load_id")
    return (
        f"select _load_id, count(*), sum(crc32(concat_ws('|', {texts}))), min(_row_no), max(_row_no) "
        f"from {{landing}}.{kind} group by _load_id"
    )


def empty(bench: Bench) -> None:
    """Empty the landing schema; load ids go on."""
    for table in (*ROWS, "landing_rejects"):
        bench.query(f"truncate table {{landing}}.{table}")
    for table in ("landing_loads", "landing_sessions"):
        bench.query(f"delete from {{landing}}.{table}")


@dataclass(frozen=True)
class Undisturbed:
    """What is visible where the same files landed in peace, and what it took: the process from its start, the bytes."""

    loads: Loads
    seconds: float
    sent: int


def after(seconds: float) -> Moment:
    """Wait for a moment in the loader's life, whatever it does then."""

    def wait(_: Bench, loader: subprocess.Popen[str]) -> None:
        with suppress(subprocess.TimeoutExpired):
            loader.wait(seconds)

    return wait


def at_row(kind: str, row: int) -> Moment:
    """Wait until the server has that row, committed or not."""

    def wait(bench: Bench, loader: subprocess.Popen[str]) -> None:
        with watch_rows(bench, kind) as last_row:
            until(lambda: last_row() >= row, loader)

    return wait


def at_reject(kind: str) -> Moment:
    """Wait until the server has a reject of that kind."""
    return when(f"select 1 from {{landing}}.landing_rejects where kind = '{kind}' limit 1")


def at_commit(kind: str, delay: float) -> Moment:
    """Wait until the manifest says that the load has ended, which others see with the COMMIT that follows."""
    ended = when(f"select 1 from {{landing}}.landing_loads where kind = '{kind}' and finished_at is not null")

    def wait(bench: Bench, loader: subprocess.Popen[str]) -> None:
        ended(bench, loader)
        time.sleep(delay)

    return wait


def when(statement: str) -> Moment:
    """Wait until the statement returns a row, committed or not; `{landing}.name` is a table of the landing layer."""

    def wait(bench: Bench, loader: subprocess.Popen[str]) -> None:
        sql = bench.sql(statement)
        with closing(connect(bench.warehouse.landing)) as opened, opened.cursor() as cursor:
            cursor.execute("set session transaction isolation level read uncommitted")
            until(lambda: cursor.execute(sql), loader)

    return wait


def moments(dice: random.Random, count: int, seconds: float) -> list[tuple[str, Moment]]:
    """Draw moments, named: three of four anywhere in a life of that many seconds, the others where it is delicate."""
    drawn = []
    for number in range(count):
        kind = dice.choice(list(ROWS))
        row, delay = dice.randrange(ROWS[kind]), dice.uniform(0, 0.01)
        aimed = [
            (f"{kind}: row {row}", at_row(kind, row)),
            (f"{kind}: a reject", at_reject(kind)),
            (f"{kind}: its commit", at_commit(kind, delay)),
        ]
        at = dice.uniform(0, seconds)
        drawn.append(aimed[number // 4 % 3] if number % 4 == 0 else (f"{at:.3f} s", after(at)))
    return drawn


def is_waiting(bench: Bench) -> bool:
    """Return whether somebody waits for a lock that another one holds, of a row or of a name."""
    time.sleep(0.15)  # the list of transactions is made again only where nobody has looked at it for 0.1 s
    with closing(connect(bench.server.admin)) as opened, opened.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT') "
            "+ (select count(*) from information_schema.processlist where state = 'User lock')"
        )
        return bool(cursor.fetchone()[0])
