"""The counts and keys that the simulator exports, against a scan of its own files by the table of design section 5."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from afterstate.phase_key import BOUNDARIES, Boundary
from simulators.nand.configuration import PRESETS, load_configuration
from simulators.nand.session import simulate_session
from tests.simulators.nand import DATE, order, read

RUNS, RUN_US = 3, 2500.0
Segments = dict[tuple[int, int], list[tuple[int, int, str]]]  # (die, plane) -> start, end in ticks, <BASE>.<STATE>
Counts = dict[tuple[str, str, int, int, str], tuple[float, int]]
DECISION = re.compile(r"phase_key: now=(\S+) die=(\d+) plane=(\d+) rm_state=\S+ hook_label=(\S+) -> key=(\S+)")


@pytest.fixture(autouse=True)
def _often_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write and forget all the time, as a long run does."""
    monkeypatch.setattr("simulators.nand.simulation.EVENTS_PER_FLUSH", 16)


def ticks(text: str) -> int:
    """Read µs with two decimals as whole ticks, without arithmetic on floats."""
    whole, _, decimals = text.partition(".")
    assert len(decimals) <= 2
    return int(whole) * 100 + int(decimals.ljust(2, "0"))


def merged(folder: Path) -> Segments:
    """Return the timeline of all runs; a segment that is stated again has its later end."""
    stated = {}
    for run in range(1, RUNS + 1):
        for row in read(folder, "op_state_timeline", run):
            stated[int(row["die"]), int(row["plane"]), ticks(row["start"]), row["op_state"]] = ticks(row["end"])
    segments: Segments = defaultdict(list)
    for (die, plane, start, key), end in stated.items():
        segments[die, plane].append((start, end, key))
    return segments


def key_at(segments: list[tuple[int, int, str]], at: int, boundary: str) -> str:
    """Follow the table of design section 5, line by line."""
    started = sorted(segment for segment in segments if segment[0] <= at)
    if not started:
        return "DEFAULT"
    start, end, key = started[-1]
    if at >= end:
        return key.split(".")[0] + ".END"
    previous = started[-2] if len(started) > 1 else None
    is_over = previous is not None and previous[1] <= at
    if boundary == "before" and (key.endswith(".ISSUE") or (start == at and is_over)):
        return previous[2].split(".")[0] + ".END" if previous and is_over else "DEFAULT"
    return key


def counted(folder: Path, run: int, segments: Segments, boundary: str) -> Counts:
    counts: Counts = {}
    for row in read(folder, "proposal_rows", run):
        die, plane = int(row["phase_hook_die"]), int(row["phase_hook_plane"])
        at = ticks(row["phase_key_time"])
        key = (row["phase_key"], key_at(segments[die, plane], at, boundary), die, plane, row["op_name"])
        first, count = counts.get(key, (at / 100, 0))
        counts[key] = min(first, at / 100), count + 1
    return counts


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("preset", PRESETS)
def test_counts_are_those_of_a_scan(tmp_path: Path, preset: str, boundary: Boundary) -> None:
    """Prevents counts that were taken before the timeline was settled, or that a later run makes untrue."""
    configuration = load_configuration(preset=preset)
    for seed in range(6):
        ordered = order(configuration, seed=seed, runs=RUNS, run_us=RUN_US, boundary=boundary)
        simulate_session(ordered, tmp_path)
        segments = merged(tmp_path)
        for run in range(1, RUNS + 1):
            rows = read(tmp_path, "phase_proposal_counts", run)
            exported = {
                (
                    row["phase_key_used"],
                    row["phase_key_virtual"],
                    int(row["die"]),
                    int(row["plane"]),
                    row["op_name"],
                ): (float(row["propose_time"]), int(row["count"]))
                for row in rows
            }
            assert exported == counted(tmp_path, run, segments, boundary)
            order_of_rows = [
                (int(row["die"]), int(row["plane"]), row["op_name"], row["phase_key_used"], row["phase_key_virtual"])
                for row in rows
            ]
            assert order_of_rows == sorted(order_of_rows)
            for row in read(tmp_path, "operation_timeline", run):
                own = segments[int(row["die"]), int(row["plane"])]
                if ticks(row["start"]) < ticks(str(RUN_US)) * run:  # what starts later is as planned
                    assert row["op_state"] == key_at(own, ticks(row["start"]), "before")


def test_every_proposal_is_a_decision_of_the_log(tmp_path: Path) -> None:
    """Prevents a row whose phase key is not what the proposer's log says it chose (design section 5)."""
    simulate_session(order(load_configuration(), runs=RUNS, run_us=RUN_US), tmp_path)
    for run in range(1, RUNS + 1):
        lines = (tmp_path / f"proposer_debug_{DATE}_{run:07d}.log").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "# proposer debug log"
        assert all(line.startswith("[proposer] ") for line in lines[1:])
        found = [match.groups() for line in lines if (match := DECISION.search(line))]
        decisions = {(float(now), int(die), int(plane), label, key) for now, die, plane, label, key in found}
        assert len(decisions) == len(found)
        assert not any(key.endswith(".END") for *_, key in decisions)
        for row in read(tmp_path, "proposal_rows", run):
            place = int(row["phase_hook_die"]), int(row["phase_hook_plane"])
            assert (float(row["phase_key_time"]), *place, row["phase_hook_label"], row["phase_key"]) in decisions
