"""The marts that BI reads: trajectories, operations, dimensions and utilisation, held against the files themselves."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from tests.bench import ROOT, Bench
from tests.warehouse.phase_key_cases import (
    Case,
    Statement,
    draw,
    expected,
    place_of,
    run_id,
    segments_of,
    write_session,
)

MARTS = (
    "design_trajectory",
    "shutdown_snapshot_overview",
    "governed_runs",
    "nand_operations",
    "nand_runs",
    "nand_sessions",
    "plane_phase_times",
    "plane_utilisation",
)
SELECTED = ("--select", *(f"+{mart}" for mart in (*MARTS, "proposal_phase_keys")), "--vars", "stretch_length: 64")
OPERATIONS = "start,end,die,plane,op_name,op_base,op_uid,block,page,op_state,phase_key_virtual\n"
KEY = ["run_id", "case_id", "antibody_id", "step"]
SAMPLE = ROOT / "samples" / "core"
CORE_FILES = {
    "trace": "core8_03_refusal_state_trace_counterfactual.csv",
    "fallback": "core8_06_fallback_decisions.csv",
    "reservation": "core9_04_reservation_log.csv",
}


def contents(warehouse: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the marts hold."""
    return {
        mart: sorted(warehouse.query(f"select * from {{marts}}.{mart}", role="bi"), key=repr)
        for mart in MARTS
    }  # fmt: skip


def write_core(folder: Path, run: str, *, missing: dict[str, set[int]] | None = None) -> dict[str, pd.DataFrame]:
    """Write the sample's files as another run's, and return them as read; `missing` are steps that a file lacks."""
    folder.mkdir(parents=True)
    frames = {}
    for name, file in CORE_FILES.items():
        frame = pd.read_csv(SAMPLE / file, keep_default_na=False, na_values=[""]).assign(run_id=run)
        frame = frame[~frame["step"].isin((missing or {}).get(name, set()))]
        frame.to_csv(folder / file, index=False)
        frames[name] = frame
    events = pd.read_csv(SAMPLE / "core10_01_shutdown_events.csv", keep_default_na=False).assign(run_id=run)
    events.to_csv(folder / "core10_01_shutdown_events.csv", index=False)
    return frames


def expected_trajectory(frames: dict[str, pd.DataFrame], shutdown: tuple[str, str, int]) -> list[tuple[Any, ...]]:
    """Return what the trajectory should be: the step, its measures, and the distance from the one shutdown."""
    joined = frames["trace"][[*KEY, "SoMS_cumsum_window", "veto_streak"]]
    joined = joined.merge(frames["fallback"][[*KEY, "fallback_stage", "fallback_score"]], how="outer", on=KEY)
    joined = joined.merge(frames["reservation"][[*KEY, "reservation_status"]], how="outer", on=KEY)
    case, antibody, at = shutdown
    rows = []
    for row in joined.itertuples(index=False):
        after = row.step - at if (row.case_id, row.antibody_id) == (case, antibody) else None
        values = [None if isinstance(value, float) and math.isnan(value) else value for value in row]
        rows.append((*values, after, int(after == 0), int(after is not None and after > 0)))
    return sorted(rows, key=repr)


def union(segments: Sequence[Any]) -> int:
    """Return how many ticks at least one segment covers."""
    return len({tick for segment in segments for tick in range(segment.start, segment.end)})


def expected_times(case: Case) -> Counter[str]:
    """Return for how many ticks each phase key held: the table of design section 5, asked tick by tick."""
    segments = segments_of(case)
    return Counter(expected(segments, tick)[0] for tick in range(segments[0].start, segments[-1].end))


def land_everything(warehouse: Bench, planes: Sequence[Case]) -> dict[str, pd.DataFrame]:
    """Land two sessions and two governed runs, with a build in between, so that the marts have to take changes in."""
    first = write_session(warehouse.folder / "chip", planes)
    for run in (1, 2):
        rows = "".join(f"{start},{start + 1.5},0,1,Erase,ERASE,{start},7,,S{run},V\n" for start in range(3 * run))
        first[run].append(warehouse.write(f"chip/operation_timeline_{run_id(run)}.csv", OPERATIONS + rows))
    second = write_session(warehouse.folder / "other", planes[:2], runs=1)
    warehouse.land(*first[1], *second[1])
    write_core(warehouse.folder / "week1", "week1")
    warehouse.land(warehouse.folder / "week1")
    warehouse.build_without_tests("--full-refresh", *SELECTED)
    # step 25 has a fallback decision alone, step 26 a reservation alone
    missing = {"trace": {25, 26}, "fallback": {22, 26}, "reservation": {25}}
    frames = write_core(warehouse.folder / "week2", "week2", missing=missing)
    warehouse.land(warehouse.folder / "week2", *first[2], *first[3])
    # the first run's operations are stated anew, with one row less
    warehouse.land(warehouse.write(first[1][-1].name, OPERATIONS + "5,7,0,1,Erase,ERASE,1,,9,,\n"), "--session", "chip")
    # a step of the first run is corrected, behind what its snapshot has taken
    corrected = pd.read_csv(SAMPLE / CORE_FILES["trace"]).query("antibody_id == 'antibody_C' and step == 21")
    corrected.assign(run_id="week1", veto_streak=9).to_csv(warehouse.folder / "corrected.csv", index=False)
    warehouse.land(warehouse.folder / "corrected.csv")
    return frames


def long_timeline(dice: Random) -> Case:
    """Return a plane of several stretches, some of whose segments run on into the next stretch; each run adds to it."""
    at, statements = 0, []
    for run, count in ((1, 150), (2, 60), (3, 30)):
        for _ in range(count):
            at += dice.randrange(1, 9)
            end = at + dice.choice((1, 4, 12, 80, 300))
            statements.append(Statement(at, end, "READ", dice.choice(("ISSUE", "CORE_BUSY")), run))
    return Case(statements, [])


def test_what_bi_reads_is_what_the_files_say(warehouse: Bench, dice: Random) -> None:
    """Prevents charts of wrong numbers, steps that are lost, and marts that differ by how often they were built."""
    planes = [long_timeline(dice), *(case for case in draw(24) if case.statements)]
    frames = land_everything(warehouse, planes)
    warehouse.build_without_tests(*SELECTED)
    incremental = contents(warehouse)

    steps = warehouse.query(
        "select run_id, case_id, antibody_id, step, SoMS_cumsum_window, veto_streak, fallback_stage, fallback_score, "
        "reservation_status, steps_after_first_shutdown, is_shutdown_step, is_after_shutdown "
        "from {marts}.design_trajectory where run_id = 'week2'",
        role="bi",
    )
    assert sorted(steps, key=repr) == expected_trajectory(frames, ("B_GOVERNED", "antibody_C", 21))
    flags = warehouse.query(
        "select run_id, veto_streak, is_complete, drifted_column_count, retake_count, fallback_severity "
        "from {marts}.shutdown_snapshot_overview order by run_id",
        role="bi",
    )
    assert flags == [("week1", 1, 1, 1, 0, 2), ("week2", 1, 1, 0, 0, 2)]

    for session, cases in (("chip", planes), ("other", planes[:2])):
        runs = 3 if session == "chip" else 1
        check_times(warehouse, session, [
            Case([s for s in case.statements if s.run <= runs], case.proposals, case.noise) for case in cases
        ])  # fmt: skip
    check_dimensions(warehouse, {name: len(frame) for name, frame in frames.items()})
    sessions = json.loads(warehouse.run("sessions", "--json").stdout)
    assert [run["run_id"] for run in sessions["governed_runs"]] == ["week1", "week2"]
    assert [(each["session_id"], len(each["runs"])) for each in sessions["sessions"]] == [("chip", 3), ("other", 1)]
    assert sessions["files_not_built"] == 0
    assert "chip" in warehouse.run("sessions").output

    warehouse.build_without_tests("--full-refresh", *SELECTED)
    assert contents(warehouse) == incremental


def check_times(warehouse: Bench, session: str, cases: Sequence[Case]) -> None:
    """Compare the utilisation and the phase times of a session with its files."""
    utilisation = {
        (die, plane): (segments, busy, end_ticks)
        for die, plane, segments, busy, end_ticks in warehouse.query(
            "select die, plane, segment_count, busy_ticks, virtual_end_ticks from {marts}.plane_utilisation "
            "where session_id = %s",
            session,
            role="bi",
        )
    }
    held: dict[tuple[int, int], Counter[str]] = {place: Counter() for place in utilisation}
    for die, plane, key, ticks in warehouse.query(
        "select die, plane, phase_key, held_ticks from {marts}.plane_phase_times where session_id = %s",
        session,
        role="bi",
    ):
        held[die, plane][key] = ticks
    stated = {place_of(number): case for number, case in enumerate(cases) if case.statements}
    assert utilisation.keys() == stated.keys()
    for place, case in stated.items():
        times = expected_times(case)
        assert +held[place] == times, (place, case)
        ends = sum(ticks for key, ticks in times.items() if key.endswith(".END"))
        segments = segments_of(case)
        assert utilisation[place] == (len(segments), union(segments), ends), (place, case)


def check_dimensions(warehouse: Bench, second_week: dict[str, int]) -> None:
    """Compare runs and sessions with the manifest, operations with their files, and the second week with its rows."""
    operations = warehouse.query(
        "select run_id, row_no, start_us, duration_us, block, page, simulator_op_state, op_family "
        "from {marts}.nand_operations order by run_id, row_no",
        role="bi",
    )
    restated = (run_id(1), 1, 5.0, 2.0, None, 9, None, "ERASE")
    second = [(run_id(2), row + 1, float(row), 1.5, 7, None, "S2", "ERASE") for row in range(6)]
    assert sorted(operations, key=repr) == sorted([restated, *second], key=repr)
    for mart, key in (("nand_runs", "session_id, run_id"), ("nand_sessions", "session_id")):
        counted = warehouse.query(
            f"select {key}, file_count, first_landed_at, last_landed_at, proposal_count, operation_count "
            f"from {{marts}}.{mart} order by {key}",
            role="bi",
        )
        of_kind = "cast(sum(case when kind = '{}' then rows_landed else 0 end) as signed)"
        assert counted == warehouse.query(
            f"select {key}, count(*), min(finished_at), max(finished_at), {of_kind.format('nand_proposal_rows')}, "
            f"{of_kind.format('nand_operation_timeline')} from {{landing}}.landing_loads "
            f"where status = 'landed' and session_id <> '' group by {key} order by {key}"
        )
    runs = warehouse.query(
        "select run_id, file_count, row_count, design_count, step_count, shutdown_design_count, drifted_count "
        "from {marts}.governed_runs order by run_id",
        role="bi",
    )
    rows = sum(second_week.values()) + 1  # and the event
    assert runs == [("week1", 5, 543, 6, 180, 1, 1), ("week2", 4, rows, 6, second_week["trace"], 1, 0)]
