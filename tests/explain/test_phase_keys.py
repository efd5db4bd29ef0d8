"""`explain phase-key` against the files themselves, read line by line: nobody's code but this test's."""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given

from afterstate.explain.phase_key import explain_moment, explain_proposal
from afterstate.explain.rule import deciding_row, key_by_row
from afterstate.phase_key import BOUNDARIES, Segment, phase_key
from tests.bench import Bench
from tests.loaders.helpers import fuzz
from tests.warehouse.phase_key_cases import Case, cases, draw, expected, run_id, segments_of, write_session

LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
PLANES, ASKED = (400, 1000) if LONG else (40, 80)
SEED = int(os.environ.get("AFTERSTATE_TEST_SEED", "20261126"))
MODELS = ("--select", "+models/marts/phase_keys", "models/audit")


@fuzz(500)
@given(cases())
def test_the_row_of_the_rule_means_the_key(case: Case) -> None:
    """Prevents an explanation that names another row of the table than the one that decided."""
    held = [Segment(s.base, s.state, s.start / 100, s.end / 100, s.start, s.end) for s in segments_of(case)]
    for at in range(-2, 70):
        begun = [None, None, *(segment for segment in held if segment.start_tick <= at)]
        current, previous = begun[-1], begun[-2]
        row = deciding_row(current, previous, at)
        for boundary in BOUNDARIES:
            assert key_by_row(row, boundary, current, previous, at) == phase_key(
                current, previous, at, boundary=boundary
            )


@dataclass(frozen=True)
class Line:
    """A line of a timeline file, as this test reads it."""

    file: Path
    line_no: int
    run: int
    row: int
    start: int
    end: int
    base: str
    state: str


def tick(text: str) -> int:
    return round(float(text) / 0.01)


def read(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file as (line, row)."""
    with file.open(newline="") as content:
        reader = csv.DictReader(content)
        return [(reader.line_num, row) for row in reader]


def timeline_lines(folder: Path, die: int, plane: int, runs: Sequence[int]) -> list[Line]:
    """Return what all files state of a plane."""
    found = []
    for run in runs:
        file = folder / f"op_state_timeline_{run_id(run)}.csv"
        for number, (line_no, row) in enumerate(read(file), start=1):
            if (row["die"], row["plane"]) == (str(die), str(plane)):
                base, _, state = row["op_state"].rpartition(".")
                found.append(Line(file, line_no, run, number, tick(row["start"]), tick(row["end"]), base, state))
    return found


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that hold: of those that state the same segment, that of the latest run and row."""
    held: dict[tuple[int, str, str], Line] = {}
    for line in sorted(lines, key=lambda one: (one.run, one.row)):
        held[line.start, line.base, line.state] = line
    return sorted(held.values(), key=lambda one: (one.start, one.run, one.row))


def check_segments(answer: dict[str, Any], lines: Sequence[Line], at: int) -> None:
    """Compare both segments and both keys of an explanation with the lines of the files."""
    begun = [line for line in in_order(lines) if line.start <= at]
    for name, line in (("segment", (begun or [None])[-1]), ("segment_before", ([None, None, *begun])[-2])):
        found = answer[name]
        if line is None:
            assert found is None
            continue
        assert (found["op_base"], found["state"], found["start_tick"], found["end_tick"]) == (
            line.base,
            line.state,
            line.start,
            line.end,
        )
        holding = [one["place"] for one in found["statements"] if one["holds"]]
        assert [(Path(one["file"]), one["line_no"], one["row_no"]) for one in holding] == [
            (line.file, line.line_no, line.row)
        ]
        same = {
            (one.file, one.line_no)
            for one in lines
            if (one.start, one.base, one.state) == (line.start, line.base, line.state)
        }
        current = [one for one in found["statements"] if one["load_status"] == "landed"]
        assert {(Path(one["place"]["file"]), one["place"]["line_no"]) for one in current} == same
    covering, before, _ = expected(begun, at)  # type: ignore[arg-type]
    assert (answer["covering"]["key"], answer["before"]["key"]) == (covering, before)


def write_log(folder: Path, dice: random.Random) -> None:
    """Write the log of the first run: for each hook a choice, at times another key than the one that was used."""
    lines = ["# proposer debug log"]
    for _, row in read(folder / f"proposal_rows_{run_id(1)}.csv"):
        if row["phase_hook_die"] and dice.random() < 0.8:
            key = dice.choice(["USED.KEY", "OTHER.KEY"])
            lines.append(
                f"[proposer] phase_key: now={float(row['phase_key_time']):.3f} die={row['phase_hook_die']} "
                f"plane={row['phase_hook_plane']} rm_state=None hook_label=DEFAULT -> key={key}"
            )
            chosen = dice.choice(["op", "op", "another"])
            lines.append(f"[proposer] selected op={chosen} base=OP start_us={row['start_us']} len_batch=1")
    (folder / f"proposer_debug_{run_id(1)}.log").write_text("\n".join(lines) + "\n")


def logged(folder: Path, die: int, plane: int, time_us: float) -> list[tuple[int, str]]:
    """Return (line, key) of the choices that the log has for a plane at a time, and that led to what was proposed."""
    lines = (folder / f"proposer_debug_{run_id(1)}.log").read_text().splitlines()
    found = []
    for number, (line, following) in enumerate(pairwise(lines), start=1):
        if f" die={die} plane={plane} " in line and " op=op " in following:
            now = float(line.partition("now=")[2].split()[0])
            if abs(now - time_us) < 6e-4:
                found.append((number, line.rpartition("key=")[2]))
    return found


def check_log(answer: dict[str, Any], folder: Path, run: int, row: dict[str, str]) -> None:
    verdict = answer["log"]["verdict"]
    if not row["phase_hook_die"]:
        assert "without its hook" in verdict
    elif run != 1:
        assert verdict == "no log of this run has landed"
    else:
        said = logged(folder, answer["context"]["die"], answer["context"]["plane"], float(row["phase_key_time"]))
        assert [(one["place"]["line_no"], one["phase_key"]) for one in answer["log"]["lines"]] == said
        if not said:
            assert "has no line" in verdict
        else:
            confirmed = any(key == "USED.KEY" for _, key in said)
            assert verdict == ("confirms the used key" if confirmed else "says another key")


def proposals(folder: Path) -> Iterator[tuple[int, int, int, dict[str, str]]]:
    """Yield the run, row number, line and columns of every proposal."""
    for run in (1, 2, 3):
        for number, (line_no, row) in enumerate(read(folder / f"proposal_rows_{run_id(run)}.csv"), start=1):
            yield run, number, line_no, row


def test_random_proposals_and_moments(warehouse: Bench) -> None:
    """Prevents a key explained by a segment, a file, a line or a row of the rule that did not decide it."""
    dice = random.Random(SEED)
    folder = warehouse.folder / "chip"
    write_session(folder, draw(PLANES))
    write_log(folder, dice)
    warehouse.land(folder)
    # Run 2 comes again, with fewer rows: what the first version stated holds no longer.
    second = folder / f"op_state_timeline_{run_id(2)}.csv"
    header, *rows = second.read_text().splitlines(keepends=True)
    second.write_text("".join([header, *(row for number, row in enumerate(rows) if number % 3)]))
    warehouse.land(second)
    warehouse.build_without_tests(*MODELS)

    everything = list(proposals(folder))
    asked = dice.sample(everything, min(ASKED, len(everything)))
    connected = warehouse.warehouse
    for run, number, line_no, row in asked:
        answer = explain_proposal(connected, "chip", run_id(run), number)
        place = answer["proposal"]["place"]
        assert (Path(place["file"]).name, place["line_no"]) == (f"proposal_rows_{run_id(run)}.csv", line_no), SEED
        has_hook = bool(row["phase_hook_die"])
        context = answer["context"]
        assert context["source"] == ("hook" if has_hook else "operation")
        at = tick(row["phase_key_time"] or row["start_us"])
        die, plane = (
            int(row["phase_hook_die"] or row["die"]),
            int(row["phase_hook_plane"] if has_hook else row["plane"]),
        )
        assert (context["die"], context["plane"], context["tick"]) == (die, plane, at)
        assert answer["used"]["key"] == (row["phase_key"] or "DEFAULT")
        check_segments(answer, timeline_lines(folder, die, plane, (1, 2, 3)), at)
        check_log(answer, folder, run, row)
    for _ in range(ASKED // 2):
        die, plane, at = dice.randrange(PLANES // 4), dice.randrange(4), dice.randrange(-3, 70)
        answer = explain_moment(connected, "chip", die, plane, at / 100)
        check_segments(answer, timeline_lines(folder, die, plane, (1, 2, 3)), at)


def test_the_command(warehouse: Bench) -> None:
    """Prevents JSON that no program reads, text without the line, wrong usage that is not said to be."""
    folder = warehouse.folder / "chip"
    write_session(folder, draw(3))
    warehouse.land(folder)
    first = ("explain", "phase-key", "--session", "chip", "--run", run_id(1), "--row", "1")
    early = warehouse.run(*first)
    assert (early.exit_code, "afterstate build" in early.output) == (1, True)
    warehouse.build_without_tests(*MODELS)
    if read(folder / f"proposal_rows_{run_id(1)}.csv"):
        told = json.loads(warehouse.run(*first, "--json").output)
        assert told["proposal"]["place"]["line_no"] == 2
        text = warehouse.run(*first).output
        assert f"{folder / f'proposal_rows_{run_id(1)}.csv'}, line 2" in text
        assert f"row {told['before']['rule_row']} of the rule" in text
    assert (
        warehouse.run("explain", "phase-key", "--session", "chip", "--die", "0", "--plane", "0", "--at", "1").exit_code
        == 0
    )
    for wrong in (("--run", run_id(1)), ("--die", "0", "--at", "1"), ("--run", run_id(1), "--row", "1", "--die", "0")):
        assert warehouse.run("explain", "phase-key", "--session", "chip", *wrong).exit_code == 2
    missing = warehouse.run(*first[:-1], "999999")
    assert (missing.exit_code, "no proposal in row 999999" in missing.output) == (1, True)
    assert warehouse.run("explain", "phase-key", "--session", "x", "--run", "1", "--row", "1").exit_code == 1
