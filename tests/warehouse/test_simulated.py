"""Simulated sessions in the warehouse: what the simulator says of itself is what SQL says of its files."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from afterstate.cli.simulate import simulate_nand
from afterstate.phase_key import BOUNDARIES
from simulators.nand.configuration import PRESETS
from tests.bench import Bench

# AFTERSTATE_LONG_TESTS=1 takes a hundred seeds, as they were once.
SEEDS = 100 if os.environ.get("AFTERSTATE_LONG_TESTS") else 12
DATE = "261122"
MODELS = ("--select", "+models/marts/phase_keys", "models/audit")
COLUMNS = "phase_key_used, phase_key_virtual, die, plane, propose_time, op_name, count"


def simulate(folder: Path, seed: int, boundary: str) -> None:
    """Simulate two short runs; the presets take turns."""
    preset = PRESETS[seed % len(PRESETS)]
    simulate_nand(folder, seed=seed, preset=preset, run_until_us=2500.0, runs=2, date=DATE, boundary=boundary)  # type: ignore[arg-type]


def test_the_simulators_own_counts_are_the_warehouses(warehouse: Bench) -> None:
    """Prevents a simulator and a warehouse that follow two rules, for any preset, boundary and seed of a hundred."""
    sessions = [f"seed_{seed:03d}" for seed in range(SEEDS)]
    for seed, session in enumerate(sessions):
        for boundary in BOUNDARIES:
            simulate(warehouse.folder / boundary / session, seed, boundary)
    # the files of both differ in the virtual keys alone, which are compared; those of one are landed
    results = warehouse.land(warehouse.folder / "covering")
    assert {result["status"] for result in results} == {"landed", "ignored"}
    assert not any(result["rows_rejected"] for result in results)
    assert set(warehouse.build(*MODELS).values()) == {"pass", "success"}

    compared = 0
    for boundary in BOUNDARIES:
        for session in sessions:
            for run in (f"{DATE}_0000001", f"{DATE}_0000002"):
                found = warehouse.query(
                    f"select {COLUMNS} from {{marts}}.phase_proposal_counts "
                    "where session_id = %s and run_id = %s and boundary = %s "
                    "order by die, plane, op_name, phase_key_used, phase_key_virtual",
                    session,
                    run,
                    boundary,
                    role="bi",
                )
                with (warehouse.folder / boundary / session / f"phase_proposal_counts_{run}.csv").open() as file:
                    own = [tuple(row) for row in list(csv.reader(file))[1:]]
                assert [tuple(map(str, row)) for row in found] == own, (session, run, boundary)
                compared += len(own)
    assert compared > 10 * SEEDS


def test_simulating_landing_and_building_in_two_commands(warehouse: Bench) -> None:
    """Prevents a preset whose files do not land, sites that become one timeline, core files that no model reads."""
    for preset in PRESETS:
        done = warehouse.run("simulate", "nand", "--pc-demo", preset, "--out", warehouse.folder / preset, "--land")
        assert done.exit_code == 0, done.output
    sites = ("--sites", "2", "--run-until", "500")
    for lab in ("lab_1", "lab_2"):
        assert warehouse.run("simulate", "nand", *sites, "--out", warehouse.folder / lab, "--land").exit_code == 0
    assert warehouse.run("simulate", "core", "--out", warehouse.folder / "core", "--land").exit_code == 0
    statuses = warehouse.build(
        "--exclude", "shutdown_snapshot_inputs_has_every_trace_row", "shutdown_snapshot_inputs_is_complete"
    )
    assert set(statuses.values()) == {"pass", "success"}
    sessions = warehouse.query("select distinct session_id from {marts}.op_state_spans", role="bi")
    labs = {f"lab_{lab}/site_0{site}" for lab in (1, 2) for site in (0, 1)}
    assert {session for (session,) in sessions} == {*PRESETS, *labs}
    assert warehouse.query("select count(*) from {marts}.shutdown_state_snapshot", role="bi")[0][0] > 0
