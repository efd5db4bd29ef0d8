"""The report's timelines: the segments and proposals of each session, packed, and what there is beyond them.

Data flow: `op_state_spans`, `proposal_phase_keys` -> per session packed columns, each plane's rows together and in time
order. Times are ticks of 0.01 µs, as distances from the row before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from afterstate.marts import phase_key_sql as sql
from afterstate.report.packing import Names, pack
from afterstate.warehouse.layout import Schemas

# What a page of 6 MB holds; beyond it, a timeline is shown from its end, and the page says from where on.
MAX_SEGMENTS = 250_000
MAX_PROPOSALS = 100_000
BEGINNING = -(2**62)


@dataclass
class _Lane:
    """One plane of a session and how much of it there is."""

    die: int
    plane: int
    segments: int
    gaps: int
    rows: Sequence[tuple[int, int, str, str]] = ()


@dataclass
class _Session:
    name: str
    lanes: list[_Lane] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def segments(self) -> int:
        return sum(lane.segments for lane in self.lanes)

    @property
    def proposals(self) -> int:
        return sum(run["proposals"] for run in self.runs)


def read_timelines(cursor: Any, schemas: Schemas, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the sessions, the last landed first, as much of them as a page holds; `left_out` names the others.

    `only` names the sessions to show, all by default; a name that has not landed is passed over.
    """
    sessions = _sessions(cursor, schemas)
    wanted = [session for session in sessions if not only or session.name in only]
    names, segments, proposals = Names(), MAX_SEGMENTS, MAX_PROPOSALS
    shown = []
    for session in wanted:
        if segments <= 0 or proposals <= 0:
            break
        read = _read(cursor, schemas, session, names, segments, proposals)
        segments, proposals = segments - read["shown"]["segments"], proposals - read["shown"]["proposals"]
        shown.append(read)
    taken = {session["name"] for session in shown}
    return {
        "sessions": shown,
        "left_out": [session.name for session in sessions if session.name not in taken],
        "names": names.all(),
    }


def _sessions(cursor: Any, schemas: Schemas) -> list[_Session]:
    found: dict[str, _Session] = {}
    cursor.execute(sql.lanes(schemas))
    for name, *lane in cursor.fetchall():
        found.setdefault(name, _Session(name)).lanes.append(_Lane(*lane))
    files = _files(cursor, schemas)
    cursor.execute(sql.runs(schemas))
    for name, run, count, first, last in cursor.fetchall():
        described = {"run": run, "proposals": count, "first": first, "last": last, "file": files.get((name, run))}
        found.setdefault(name, _Session(name)).runs.append(described)
    cursor.execute(
        f"select session_id, max(load_id) from {schemas.table('audit', 'landing_loads')} group by session_id"
    )
    landed = dict(cursor.fetchall())
    return sorted(found.values(), key=lambda session: -landed.get(session.name, 0))


def _files(cursor: Any, schemas: Schemas) -> dict[tuple[str, str], str]:
    """Return the proposals' file of each session and run."""
    cursor.execute(
        f"select session_id, run_id, file_path from {schemas.table('audit', 'landing_loads')} "
        "where kind = 'nand_proposal_rows' and status = 'landed' order by load_id"
    )
    return {(session, run): file for session, run, file in cursor.fetchall()}


def _read(
    cursor: Any, schemas: Schemas, session: _Session, names: Names, max_segments: int, max_proposals: int
) -> dict[str, Any]:
    from_tick = _read_lanes(cursor, schemas, session, max_segments)
    cursor.execute(sql.proposals(schemas), (session.name, from_tick))
    rows = cursor.fetchall()
    if len(rows) > max_proposals:
        from_tick = sorted((row[2] for row in rows), reverse=True)[max_proposals - 1]
        rows = [row for row in rows if row[2] >= from_tick]
    lanes = [_described(lane, from_tick) for lane in session.lanes]
    known = {(lane["die"], lane["plane"]) for lane in lanes}
    for die, plane in sorted({(row[0], row[1]) for row in rows} - known):  # proposals for a plane that did nothing
        lanes.append({"die": die, "plane": plane, "rows": [], "total": 0, "gaps": 0})
    segments = _pack_segments(lanes, names)
    proposals = _pack_proposals(lanes, rows, [run["run"] for run in session.runs], names)
    for lane in lanes:
        del lane["rows"]
    return {
        "name": session.name,
        "lanes": lanes,
        "runs": session.runs,
        "from_tick": None if from_tick == BEGINNING else from_tick,
        "total": {"segments": session.segments, "proposals": session.proposals},
        "shown": {"segments": sum(lane["segments"] for lane in lanes), "proposals": len(rows)},
        "segments": segments,
        "proposals": proposals,
    }


def _read_lanes(cursor: Any, schemas: Schemas, session: _Session, limit: int) -> int:
    """Read each plane's segments, of a long session the last ones; returns the tick from which on all are there."""
    from_tick = BEGINNING
    if session.segments > limit:
        cursor.execute(sql.nth_last_start(schemas), (session.name, limit))
        from_tick = cursor.fetchone()[0] + 1  # what starts together with the first that is too many is left out, too
    for lane in session.lanes:
        cursor.execute(sql.spans(schemas), (session.name, lane.die, lane.plane, from_tick))
        lane.rows = cursor.fetchall()
    return from_tick


def _described(lane: _Lane, from_tick: int) -> dict[str, Any]:
    rows = [row for row in lane.rows if row[0] >= from_tick]
    return {"die": lane.die, "plane": lane.plane, "rows": rows, "total": lane.segments, "gaps": lane.gaps}


def _pack_segments(lanes: list[dict[str, Any]], names: Names) -> dict[str, Any]:
    columns: dict[str, list[int]] = {"since": [], "ticks": [], "base": [], "state": []}
    for lane in lanes:
        rows = lane["rows"]
        lane["segments"], lane["origin"] = len(rows), rows[0][0] if rows else 0
        before = lane["origin"]
        for start, end, base, state in rows:
            columns["since"].append(start - before)
            columns["ticks"].append(end - start)
            columns["base"].append(names[base])
            columns["state"].append(names[state])
            before = start
    return pack(columns)


def _pack_proposals(
    lanes: list[dict[str, Any]], rows: Sequence[tuple[Any, ...]], runs: list[str], names: Names
) -> dict[str, Any]:
    columns: dict[str, list[int]] = {name: [] for name in ("since", "run", "row", "op", "used", "covering", "before")}
    numbers = {run: number for number, run in enumerate(runs)}
    by_place = {(lane["die"], lane["plane"]): lane for lane in lanes}
    for lane in lanes:
        lane["proposals"], lane["first_proposal"] = 0, 0
    ordered = {place: number for number, place in enumerate(by_place)}
    before, current = 0, None
    for die, plane, tick, run, row_no, *keys in sorted(rows, key=lambda row: ordered[row[0], row[1]]):
        lane = by_place[die, plane]
        if lane is not current:
            current, before, lane["first_proposal"] = lane, tick, tick
        lane["proposals"] += 1
        values = (tick - before, numbers[run], row_no, *(names[key] for key in keys))
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
        before = tick
    return pack(columns)
