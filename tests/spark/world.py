"""What the tests land: everything that another test compares servers with, and in which order its runs come."""

from __future__ import annotations

import itertools
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afterstate.cli.simulate import simulate_core, simulate_nand
from simulators.nand.configuration import PRESETS
from tests.bench import ROOT
from tests.loaders.faults import LONG
from tests.warehouse.generated import MILLION, THOUSANDS, write_generated
from tests.warehouse.phase_key_cases import Case, by_session, draw, planes_to_draw, write_session

LANDINGS = 3
# Each followed by its reverse for a session of two runs.
ORDERS = sorted(itertools.permutations(range(LANDINGS)), key=lambda order: sorted(order[:2]))
AMOUNT = MILLION if LONG else THOUSANDS
PLANES = planes_to_draw(6_000 if LONG else 2_400)
CORE, NAND = ROOT / "samples" / "core", ROOT / "samples" / "nand" / "chip_1"
FALLBACK = CORE / "core8_06_fallback_decisions.csv"
TRACE = CORE / "core8_03_refusal_state_trace_counterfactual.csv"
RUN = re.compile(r"_(\d{6}_\d+)\.")
DATE = "261122"


@dataclass
class World:
    """The files of each landing, and the random planes by session."""

    landings: list[list[Path]]
    planes: dict[str, list[Case]]
    random_sessions: dict[str, dict[int, list[Path]]]


def write_world(folder: Path, example: Path) -> World:
    """Write the files; the runs of one session come in another order than those of the next."""
    sessions = [*_copies(example, folder), *_simulated(folder / "simulated")]
    write_generated(folder / "generated", AMOUNT)
    sessions += sorted((folder / "generated").glob("chip_*"))
    planes = by_session(draw(PLANES), PLANES // len(ORDERS))
    random_sessions = {name: write_session(folder / "planes" / name, cases) for name, cases in planes.items()}
    sessions += [folder / "planes" / name for name in random_sessions]

    landings: list[list[Path]] = [[] for _ in range(LANDINGS)]
    for session, order in zip(sessions, itertools.cycle(ORDERS), strict=False):
        for place, files in zip(order, _runs(session), strict=False):
            landings[place] += files
    simulate_core(folder / "simulated_core")
    others = [*(folder / "generated" / "core").iterdir(), *(folder / "simulated_core").iterdir()]
    for number, file in enumerate(sorted(others)):
        landings[number % LANDINGS].append(file)
    landings[0] += [path for path in sorted(CORE.iterdir()) if path != FALLBACK]
    landings[1] += [FALLBACK]
    landings[2] += [correct(folder / "corrected", "7.4")]
    return World(landings, planes, random_sessions)


def correct(folder: Path, value: str) -> Path:
    """Write a correction of the demo's trace, which the snapshot has frozen."""
    folder.mkdir()
    corrected = folder / TRACE.name
    corrected.write_text(TRACE.read_text().replace(",7.2,", f",{value},"))
    return corrected


def restate(files: list[Path], note: str) -> list[Path]:
    """State runs again: with another unknown column, a file is another file."""
    for path in files:
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([f"{header},{note}", *(f"{line},x" for line in lines), ""]))
    return files


def shuffled(files: list[Path], dice: random.Random) -> list[Path]:
    """Return the files in another order."""
    return dice.sample(files, len(files))


def _copies(example: Path, folder: Path) -> Iterator[Path]:
    """Yield the real example and the demo's sample twice each, as sessions whose runs come in both orders."""
    for name, session in (("example", example), ("sample", NAND)):
        for number in range(2):
            yield shutil.copytree(session, folder / f"{name}_{number}")


def _simulated(folder: Path) -> Iterator[Path]:
    """Yield sessions of two runs of each preset, and those of two sites."""
    for number, preset in enumerate(PRESETS):
        simulate_nand(folder / preset, seed=number, preset=preset, run_until_us=2500.0, runs=2, date=DATE)
        yield folder / preset
    simulate_nand(folder / "lab", sites=2, run_until_us=500.0, runs=2, date=DATE)
    yield from sorted((folder / "lab").iterdir())


def _runs(session: Path) -> list[list[Path]]:
    """Return a session's files, by run."""
    found: dict[str, list[Path]] = {}
    for path in sorted(session.iterdir()):
        if run := RUN.search(path.name):
            found.setdefault(run[1], []).append(path)
    return list(found.values())
