"""A warehouse worth looking at, and its report: drift, rejects, disagreements, odd names, several sessions and runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from afterstate.cli.simulate import simulate_nand
from tests.bench import ROOT, Bench, Server
from tests.loaders.helpers import TRACE, another_warehouse, csv_text
from tests.warehouse.phase_key_cases import draw, write_session

# A name that would end the script element that holds it, were it written there as it is.
MARKUP = "</script><img src=x onerror=alert(1)>"
ODD_SESSION = "chip 7's é"
DESIGN = ("core7_04_1767776352", "B_GOVERNED", "antibody_C")


@dataclass
class Reported:
    """A built warehouse and the report that was written of it."""

    bench: Bench
    file: Path


@pytest.fixture(scope="module")
def reported(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    bench = another_warehouse(server, tmp_path_factory.mktemp("reported"))
    bench.land(ROOT / "samples" / "core")
    bench.build_without_tests()
    # The trace is corrected after its snapshot was taken, and one of its rows does not fit.
    rows = [(*DESIGN, 21, 7.4, 0.333333, 0.2, 1), (*DESIGN, 22.5, 1, 1, 1, 1)]
    bench.land(bench.write("corrected.csv", csv_text(TRACE, rows)))
    events = [(MARKUP[:60], "B_GOVERNED", "항체_1", 3, "CORE8_PARTIAL_SEAL")]
    bench.land(
        bench.write(
            "events.csv",
            csv_text(("run_id", "case_id", "antibody_id", "shutdown_step", "shutdown_trigger_final"), events),
        )
    )
    simulate_nand(bench.folder / "chip", seed=5, run_until_us=4000.0, runs=2, date="261122", boundary="before")
    bench.land(bench.folder / "chip")
    write_session(bench.folder / "odd", draw(12))
    bench.land(bench.folder / "odd", "--session", ODD_SESSION)
    bench.build_without_tests()
    file = bench.folder / "out" / "report.html"
    done = bench.run("report", "--out", file)
    assert done.exit_code == 0, done.output
    assert file.as_uri() in done.output
    return Reported(bench, file)
