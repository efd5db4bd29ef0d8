"""What the tests of the NAND simulator share: configurations, a recorder, and files read back."""

from __future__ import annotations

import copy
import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from simulators.nand.configuration import DEFAULT_FILE, Configuration, parse
from simulators.nand.operations import Operation
from simulators.nand.scheduler import Decision
from simulators.nand.session import Order, simulate_session

DEFAULTS: dict[str, Any] = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
DATE = "261122"


def configured(**changes: Any) -> Configuration:
    """Return the default configuration with changes; a key may be a path, its dots written as two underscores."""
    tree = copy.deepcopy(DEFAULTS)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = tree
        for key in above:
            place = place[key]
        place[last] = value
    return parse(tree)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Draw small devices, hasty and lazy policies, and any distribution over the default operations."""
    names = sorted(DEFAULTS["op_names"])
    phases = [f"{base}.{state['name']}" for base, body in DEFAULTS["op_bases"].items() for state in body["states"]]
    chosen = draw(st.lists(st.sampled_from(phases), unique=True, max_size=6))
    conditional = {}
    for key in ["DEFAULT", *chosen]:
        weights = draw(st.dictionaries(st.sampled_from(names), st.integers(1, 20), min_size=1, max_size=8))
        if key == "DEFAULT":  # something that can always be done, else nothing ever happens
            weights |= {
                "Block_Erase": 5,
                "Page_Program_SLC": 20,
                "Cache_Program_SLC": 5,
                "Page_Program_TLC": 5,
                "Page_Read_SLC": 8,
            }
            weights |= {"Program_Suspend": 6, "Erase_Suspend": 3, "Program_Resume": 1}
        total = sum(weights.values())
        conditional[key] = {name: weight / total for name, weight in weights.items()}
    dies = draw(st.integers(1, 3))
    return configured(
        topology={
            "dies": dies,
            "planes": draw(st.sampled_from([2, 4])),
            "blocks": draw(st.integers(2, 5)),
            "pages_per_block": draw(st.integers(1, 5)),
            "channels": draw(st.integers(1, dies)),
            "bad_blocks": [{"die": 0, "plane": 1, "blocks": [1]}],
        },
        policies={
            "refill_us": draw(st.sampled_from([20.0, 60.0])),
            "hook_after_end_us": draw(st.sampled_from([0.0, 0.6])),
            "admission_window_us": draw(st.sampled_from([0.0, 0.5, 40.0, 400.0])),
            "max_suspend_us": draw(st.sampled_from([0.0, 200.0])),
            "resume_to_suspend_us": 100.0,
            "max_tries": draw(st.integers(1, 6)),
            "initially_erased_blocks": draw(st.integers(0, 2)),
        },
        phase_conditional=conditional,
    )


@dataclass
class Watcher:
    """A recorder that keeps everything it is told."""

    decisions: list[Decision] = field(default_factory=list)
    starts: list[Operation] = field(default_factory=list)

    def decided(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def started(self, operation: Operation) -> None:
        self.starts.append(operation)

    def flush(self, now: int) -> None:
        pass

    @property
    def operations(self) -> list[Operation]:
        return [operation for decision in self.decisions for operation in decision.operations]


def order(configuration: Configuration, **changes: Any) -> Order:
    """Return an order of two short runs."""
    settings = {"seed": 1, "run_us": 6000.0, "runs": 2, "date": DATE} | changes
    return Order(configuration, **settings)


def written(folder: Path, **changes: Any) -> Order:
    """Simulate two short runs of a device of one die into a folder, and give what was ordered."""
    small = configured(topology__dies=1, topology__bad_blocks=[], policies__initially_erased_blocks=8)
    ordered = order(changes.pop("configuration", small), **changes)
    simulate_session(ordered, folder)
    return ordered


def read(folder: Path, kind: str, run: int) -> list[dict[str, str]]:
    """Return the rows of a file of one run."""
    with (folder / f"{kind}_{DATE}_{run:07d}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
