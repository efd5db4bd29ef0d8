"""A session's files: what they hold, that runs continue each other, and that seeds decide everything."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from afterstate.phase_key import tick
from simulators.nand.configuration import load_configuration
from simulators.nand.export import HEADERS
from simulators.nand.rows import PROPOSAL_COLUMNS
from simulators.nand.session import simulate_session, simulate_sites
from simulators.nand.simulation import Simulation
from tests.bench import ROOT
from tests.simulators.nand import DATE, Watcher, configured, order, read, written


def digest(folder: Path) -> str:
    parts = [f"{file.relative_to(folder)}\n".encode() + file.read_bytes() for file in sorted(folder.rglob("*.*"))]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_run_has_the_files_of_the_contract(tmp_path: Path) -> None:
    """Prevents a file kind, a column or a line ending that landing, or the tools of engineers, do not know."""
    written(tmp_path)
    names = [f"{kind}_{DATE}_{run:07d}.csv" for kind in HEADERS for run in (1, 2)]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        [*names, *(f"proposer_debug_{DATE}_{run:07d}.log" for run in (1, 2))]
    )
    assert ",".join(HEADERS["op_state_timeline"]) == "start,end,die,plane,op_state,lane,op_name,duration"
    for name in names:
        content = (tmp_path / name).read_bytes()
        assert b"\r" not in content
        assert content.count(b"\n") > 1, name


def test_times_come_back_to_their_tick(tmp_path: Path) -> None:
    """Prevents a spelling of µs that another program reads as another tick, and a state END in a timeline."""
    written(tmp_path)
    for row in read(tmp_path, "op_state_timeline", 1):
        ticks = tick(float(row["start"])), tick(float(row["end"]))
        assert (row["start"], row["end"]) == tuple(repr(at / 100) for at in ticks)
        assert tick(float(row["duration"])) == ticks[1] - ticks[0] > 0
        assert not row["op_state"].endswith(".END")
        assert row["op_state"].startswith(f"{row['op_name']}.")
        assert row["lane"] == f"d{row['die']}-p{row['plane']}"


def test_runs_continue_one_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a seam between runs; segments lost, doubled or left as planned when the next run's suspend cut them.

    What the files say, each segment's last statement holding, is the whole timeline of the same runs in memory.
    """
    monkeypatch.setattr("simulators.nand.simulation.EVENTS_PER_FLUSH", 16)  # as often as in a long run
    runs, run_us, restated = 4, 1500.0, 0
    for seed in range(6):
        ordered = order(load_configuration(), seed=seed, runs=runs, run_us=run_us)
        summaries = simulate_session(ordered, tmp_path).summaries
        assert [(summary.start_us, summary.end_us) for summary in summaries] == [
            (run_us * run, run_us * (run + 1)) for run in range(runs)
        ]
        stated: dict[tuple[str, ...], str] = {}
        for run in range(runs):
            rows = read(tmp_path, "op_state_timeline", run + 1)
            starts = [(float(row["start"]), int(row["die"]), int(row["plane"])) for row in rows]
            assert starts == sorted(starts)
            for row in rows:
                key = row["die"], row["plane"], row["start"], row["op_state"]
                is_tail = float(row["start"]) < run_us * run
                assert is_tail == (key in stated)
                assert not is_tail or float(stated[key]) > run_us * run  # it was running when the run began
                restated += is_tail and stated[key] != row["end"]
                stated[key] = row["end"]
        simulation = Simulation(ordered.configuration, f"{seed}/0")
        for _ in range(runs):
            simulation.run(run_us)
        assert stated == {
            (str(die), str(plane), repr(start), f"{base}.{state}"): repr(end)
            for die, plane, base, state, start, end in simulation.snapshot()["timeline"]
            if start < run_us * runs
        }
    assert restated > 10


def test_rows_in_memory_are_the_rows_in_files(tmp_path: Path) -> None:
    """Prevents landing from memory and landing from files that tell different stories."""
    ordered = written(tmp_path)
    simulation = Simulation(ordered.configuration, "1/0")
    for run in (1, 2):
        simulation.run(ordered.run_us)
        rows = simulation.timeline_rows()
        assert all(tuple(row) == PROPOSAL_COLUMNS for row in rows)
        spelled = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
        assert spelled == read(tmp_path, "proposal_rows", run)
        assert rows == simulation.timeline_rows(run)
        assert [row["op_uid"] for row in rows] == sorted(row["op_uid"] for row in rows)
        assert rows[0]["op_uid"] == 1


def test_every_file_tells_of_the_same_operations(tmp_path: Path) -> None:
    """Prevents an operation that is proposed but not in the sequence, the timeline or the touch counts."""
    written(tmp_path)
    for run in (1, 2):
        proposed = read(tmp_path, "proposal_rows", run)
        place = ("op_uid", "die", "plane", "block", "page", "op_name")
        timeline = read(tmp_path, "operation_timeline", run)
        assert [[row[name] for name in place] for row in timeline] == [
            [row[name] for name in place] for row in proposed
        ]
        assert all(float(row["start"]) < float(row["end"]) for row in timeline)
        sequence = read(tmp_path, "operation_sequence", run)
        assert sorted({row["op_uid"] for row in proposed}, key=int) == sorted((r["op_uid"] for r in sequence), key=int)
        times = [float(row["time_us"]) for row in sequence]
        assert times == sorted(times)
        touches = sum(int(row["count"]) for row in read(tmp_path, "address_touch_count", run))
        assert touches == sum(row["block"] != "" for row in proposed)
        addresses = sum(len(json.loads(row["addresses"])) for row in sequence)
        assert addresses == len(proposed)


def test_recording_changes_no_decision() -> None:
    """Prevents a proposal context that is not only looked at, but takes part in scheduling."""
    configuration = load_configuration()
    bare = Simulation(configuration, 9, record=False)
    watched, kept = Simulation(configuration, 9), Simulation(configuration, 9)
    watcher = Watcher()
    for _ in range(2):
        summaries = bare.run(10000.0), watched.run(10000.0, watcher), kept.run(10000.0)
        assert summaries[0] == summaries[1] == summaries[2]
    assert bare.snapshot() == watched.snapshot() == kept.snapshot()
    assert bare.timeline_rows() == []
    assert len(kept.timeline_rows()) > 100


def test_writing_files_changes_no_decision(tmp_path: Path) -> None:
    """Prevents a streaming export that, by forgetting what is written, makes later decisions different."""
    ordered = order(load_configuration(), run_us=60000.0, runs=1)
    result = simulate_session(ordered, tmp_path)
    assert result.summaries == [Simulation(ordered.configuration, "1/0", record=False).run(60000.0)]


def test_memory_does_not_grow_with_what_is_written(tmp_path: Path) -> None:
    """Prevents a long run that keeps the segments, operations and bus uses that it has written already."""
    kept = []

    class Kept(Simulation):
        def run(self, *arguments: object) -> object:
            summary = super().run(*arguments)  # type: ignore[arg-type]
            kept.append(len(self.snapshot()["timeline"]) + sum(len(bus.starts) for bus in self.resources.buses))
            return summary

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulators.nand.session.Simulation", Kept)
        for run_us in (60000.0, 180000.0):
            simulate_session(order(load_configuration(), run_us=run_us, runs=1), tmp_path)
    assert kept[1] < 1.5 * kept[0]


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    """Prevents an order of sets or hashes, or anything else of a process, that gets into the files."""
    digests = set()
    for number, hash_seed in enumerate(("0", "1")):
        out = tmp_path / str(number)
        command = [
            sys.executable,
            "-m",
            "loaders",
            "simulate",
            "nand",
            "--out",
            str(out),
            "--seed",
            "5",
            "--date",
            DATE,
        ]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": hash_seed}, check=True)
        digests.add(digest(out))
    simulate_session(order(load_configuration(), seed=5, run_us=20000.0, runs=1), tmp_path / "here")
    assert digests == {digest(tmp_path / "here")}
    simulate_session(order(load_configuration(), seed=6, run_us=20000.0, runs=1), tmp_path / "other")
    assert digest(tmp_path / "other") not in digests


def test_sites_are_independent_sessions(tmp_path: Path) -> None:
    """Prevents sites that repeat each other, or that depend on how many there are."""
    ordered = order(configured(), run_us=2000.0)
    shares: dict[int, float] = {}
    results = simulate_sites(ordered, tmp_path / "lab", 3, shares.__setitem__)
    assert [result.site for result in results] == [0, 1, 2]
    simulate_session(ordered, tmp_path / "alone", site=0)
    digests = [digest(tmp_path / "lab" / f"site_{site:02d}") for site in range(3)]
    assert len(set(digests)) == 3
    assert digests[0] == digest(tmp_path / "alone")


def test_a_finished_run_replaces_its_older_files_whole(tmp_path: Path) -> None:
    """Prevents a second simulation into the same folder that leaves a mixture of two, or hidden files."""
    written(tmp_path, seed=1)
    written(tmp_path, seed=2)
    written(tmp_path / "fresh", seed=2)
    there = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert there == {file.name: file.read_bytes() for file in (tmp_path / "fresh").iterdir()}
