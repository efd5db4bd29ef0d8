"""`explain snapshot` against files of several weeks, each value traced to its line by this test's own reading."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afterstate.explain.snapshot import explain_snapshot
from tests.bench import ROOT, Bench
from tests.loaders.helpers import TRACE, csv_text

LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
DESIGNS = 1000 if LONG else 60
SEED = int(os.environ.get("AFTERSTATE_TEST_SEED", "20261126"))
MODELS = ("--select", "tag:core", "models/audit")
LEAD = ("run_id", "case_id", "antibody_id")
COLUMNS = {
    "event": ("shutdown_trigger_final",),
    "trace": TRACE[4:],
    "fallback": ("fallback_stage", "fallback_reason_code", "fallback_score"),
    "reservation": ("reservation_status", "reservation_reason_code", "risk_score_total"),
}
Key = tuple[str, str, str, int]


@dataclass
class Said:
    """What one line of one file says of a key."""

    file: Path
    line_no: int
    values: tuple[Any, ...]


@dataclass
class Weeks:
    """Files of several weeks, and what this test knows of them."""

    folder: Path
    dice: random.Random
    said: dict[str, dict[Key, list[Said]]] = field(default_factory=lambda: {name: {} for name in COLUMNS})

    def write(self, week: int, name: str, keys: list[Key]) -> Path:
        """Write one input's file of a week, with a row for each key and now and then one more."""
        step = "shutdown_step" if name == "event" else "step"
        stated = [*keys, *(key for key in keys if self.dice.random() < 0.1)]
        rows = [(*key, *self.values(name)) for key in stated]
        file = self.folder / f"week_{week}" / f"{name}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(csv_text((*LEAD, step, *COLUMNS[name]), rows), encoding="utf-8")
        latest = {
            key: Said(file, line, row[4:]) for line, (key, row) in enumerate(zip(stated, rows, strict=True), start=2)
        }
        for key, said in latest.items():  # of a key that a file states twice, the last row counts
            self.said[name].setdefault(key, []).append(said)
        return file

    def values(self, name: str) -> tuple[Any, ...]:
        """Draw values; few enough that two weeks often say the same."""
        draw = self.dice.choice
        if name == "event":
            return (draw(["CORE8_PARTIAL_SEAL", "CORE8_FULL_SEAL"]),)
        if name == "trace":
            return (draw([7.2, 0.1 + 0.2, -1e-7]), draw([0.333333, 0.5]), draw([0.2, 0.3]), draw([1, 2]))
        return (draw(["NONE", "SOFT_LIMIT"]), draw(["REASON_A", "이유"]), draw([0.441709, 1.5]))


def test_random_snapshots(warehouse: Bench) -> None:
    """Prevents a value led back to a line that does not say it, a restatement or a drift that is not told."""
    dice = random.Random(SEED)
    weeks = Weeks(warehouse.folder, dice)
    keys: list[Key] = [
        (
            f"run_{n % 7}",
            ("A_FREE", "B_GOVERNED")[n % 2],
            dice.choice(["antibody_{}", "항체_{} "]).format(n),
            dice.randrange(30),
        )
        for n in range(DESIGNS)
    ]
    some = {
        name: [key for key in keys if dice.random() < share]
        for name, share in (("trace", 0.9), ("fallback", 0.8), ("reservation", 0.8))
    }
    # What is there is there in the first week: when late inputs are taken is for the tests of the memory.
    for name in COLUMNS:
        warehouse.land(weeks.write(1, name, some.get(name, keys)))
    warehouse.build_without_tests(*MODELS)
    first = {name: {key: len(said) - 1 for key, said in stated.items()} for name, stated in weeks.said.items()}
    for week in (2, 3):
        for name in COLUMNS:
            again = [key for key in some.get(name, keys) if dice.random() < 0.4]
            if again:
                warehouse.land(weeks.write(week, name, again))

    connected = warehouse.warehouse
    drifted = 0
    for key in keys:
        answer = explain_snapshot(connected, key)
        is_complete = all(key in weeks.said[name] for name in ("trace", "fallback", "reservation"))
        assert answer["is_complete"] == is_complete, (SEED, key)
        for source in answer["inputs"]:
            drifted += check_input(source, weeks.said[source["input"]].get(key, []), first[source["input"]].get(key))
    assert drifted > DESIGNS / 4


def check_input(source: dict[str, Any], said: list[Said], first: int | None) -> int:
    """Compare what an explanation says of one input with its lines; returns how many of its columns have drifted."""
    columns = source["columns"]
    places = [(Path(one["place"]["file"]), one["place"]["line_no"]) for one in source["statements"]]
    assert places == [(one.file, one.line_no) for one in said], SEED
    if first is None:
        assert (source["was_there"], source["taken_from"]) == (False, None)
        assert all(one == {"frozen": None, "now": None, "has_drifted": False} for one in columns.values())
        return 0
    taken = source["taken_from"]
    assert (Path(taken["file"]), taken["line_no"]) == (said[first].file, said[first].line_no), SEED
    assert [one["frozen"] for one in columns.values()] == list(said[first].values)
    assert [one["now"] for one in columns.values()] == list(said[-1].values)
    differs = [one != other for one, other in zip(said[first].values, said[-1].values, strict=True)]
    assert [one["has_drifted"] for one in columns.values()] == differs
    return sum(differs)


def test_the_command(warehouse: Bench) -> None:
    """Prevents a demo whose last lines do not lead to the line of its `veto_streak`, errors that lead nowhere."""
    command = (
        "explain",
        "snapshot",
        "--run",
        "core7_04_1767776352",
        "--case",
        "B_GOVERNED",
        "--antibody",
        "antibody_C",
    )
    early = warehouse.run(*command, "--step", "21")
    assert (early.exit_code, "run `afterstate build` first" in early.output) == (1, True)
    warehouse.land(ROOT / "samples" / "core")
    warehouse.build_without_tests(*MODELS)
    text = warehouse.run(*command, "--step", "21")
    assert text.exit_code == 0, text.output
    file = ROOT / "samples" / "core" / "core8_03_refusal_state_trace_counterfactual.csv"
    line = next(
        n
        for n, row in enumerate(file.read_text().splitlines(), start=1)
        if row.startswith("core7_04_1767776352,B_GOVERNED,antibody_C,21,")
    )
    assert f"trace: {file}, line {line} " in text.output
    assert "veto_streak              1\n" in text.output
    assert "nothing has drifted" in text.output
    told = json.loads(warehouse.run(*command, "--step", "21", "--json").output)
    assert told["inputs"][1]["taken_from"]["line_no"] == line
    missing = warehouse.run(*command, "--step", "22")
    assert missing.exit_code == 1
    assert "--antibody antibody_C --step 21 (rule core10_02_v1)" in missing.output
    assert warehouse.run(*command, "--step", "21", "--rule", "nosuch").exit_code == 1
    assert warehouse.run(*command).exit_code == 2
