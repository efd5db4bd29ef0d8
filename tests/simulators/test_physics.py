"""What a device can do, and the simulator therefore must, whatever is configured and drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterstate.phase_key import tick
from simulators.nand.configuration import PRESETS, Configuration, load_configuration
from simulators.nand.operations import Operation
from simulators.nand.scheduler import Decision
from simulators.nand.simulation import Simulation
from tests.simulators.nand import Watcher, configurations, configured

SETTINGS = settings(max_examples=70, deadline=None)
SEEDS = st.integers(0, 2**32)


def simulated(configuration: Configuration, seed: int, run_us: float = 3000.0) -> tuple[Simulation, list[Operation]]:
    simulation, watcher = Simulation(configuration, seed), Watcher()
    simulation.run(run_us, watcher)
    simulation.run(run_us, watcher)
    return simulation, watcher.operations


@SETTINGS
@given(configurations(), SEEDS)
def test_a_plane_does_one_thing_at_a_time(configuration: Configuration, seed: int) -> None:
    """Prevents operations that overlap on a plane; a suspend cuts what runs, so that not even that overlaps."""
    simulation, _ = simulated(configuration, seed)
    planes = defaultdict(list)
    for die, plane, _base, _state, start, end in simulation.snapshot()["timeline"]:
        planes[die, plane].append((tick(start), tick(end)))
    for segments in planes.values():
        assert all(start < end for start, end in segments)
        assert all(before[1] <= after[0] for before, after in pairwise(segments))


@SETTINGS
@given(configurations(), SEEDS)
def test_the_timeline_is_what_the_operations_did(configuration: Configuration, seed: int) -> None:
    """Prevents segments that no operation has, or lost ones; a die-wide operation without a segment on each plane."""
    simulation, operations = simulated(configuration, seed)
    done = Counter(
        (operation.die, plane, *state.key.split("."), start / 100, end / 100)
        for operation in operations
        for plane in operation.planes
        for state, start, end in operation.pieces
    )
    assert Counter(simulation.snapshot()["timeline"]) == done
    for operation in operations:
        if operation.op.base.scope == "die":
            assert len(operation.planes) == configuration.topology.planes


@SETTINGS
@given(configurations(), SEEDS)
def test_the_bus_is_used_by_one_at_a_time(configuration: Configuration, seed: int) -> None:
    """Prevents two operations on one bus, at first, or when suspended work with transfers in it is resumed.

    What was rolled back or cut does not keep the bus, either.
    """
    simulation, operations = simulated(configuration, seed)
    buses = defaultdict(list)
    for operation in operations:
        for state, start, end in operation.pieces:
            if state.uses_bus:
                buses[operation.die % configuration.topology.channels].append((start, end))
    for uses in buses.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(uses)))
    for channel, bus in enumerate(simulation.resources.buses):
        kept = min(bus.starts, default=0)  # what was over at the last flush is forgotten
        assert list(zip(bus.starts, bus.ends, strict=True)) == sorted(use for use in buses[channel] if use[0] >= kept)


def check_addresses(configuration: Configuration, operations: list[Operation]) -> None:
    """Follow every block through its erases and programs, in the order of starts."""
    topology = configuration.topology
    next_page: dict[tuple[int, int, int], int] = {}
    for die in range(topology.dies):
        for plane in range(topology.planes):
            good = [block for block in range(topology.blocks) if (die, plane, block) not in topology.bad_blocks]
            for block in good[: configuration.policies.initially_erased_blocks]:
                next_page[die, plane, block] = 0
    for operation in sorted(operations, key=lambda operation: operation.first_tick):
        for plane, block, page in operation.addresses:
            access = operation.op.base.access
            if block is None or page is None:
                assert access == "none"
                continue
            place = (operation.die, plane, block)
            assert place not in topology.bad_blocks
            if access == "erase":
                next_page[place] = 0
            elif access == "program":
                assert next_page[place] == page < topology.pages_per_block
                next_page[place] = page + 1
            else:
                assert page < next_page[place]


@SETTINGS
@given(configurations(), SEEDS)
def test_pages_are_programmed_in_order_once_an_erase(configuration: Configuration, seed: int) -> None:
    """Prevents a page programmed twice, out of order, in a bad or unerased block; a read of what is not there."""
    check_addresses(configuration, simulated(configuration, seed)[1])


def test_blocks_that_are_used_again_and_again_keep_to_the_rules() -> None:
    """Prevents a read of a page that was erased since, which only a long run on a small device comes to."""
    small = {"dies": 1, "planes": 2, "blocks": 3, "pages_per_block": 2}
    often = {"DEFAULT": {"Block_Erase": 0.1, "Page_Program_SLC": 0.4, "Page_Read_SLC": 0.3, "Page_Program_TLC": 0.2}}
    configuration = configured(topology=small, phase_conditional=often)
    operations = simulated(configuration, seed=1, run_us=60000.0)[1]
    erased = Counter(operation.addresses for operation in operations if operation.op.base.access == "erase")
    assert min(erased.values()) > 3
    check_addresses(configuration, operations)


@SETTINGS
@given(configurations(), SEEDS)
def test_durations_add_up_and_suspended_work_finishes(configuration: Configuration, seed: int) -> None:
    """Prevents time lost or won by a suspend, and work that is cut and never goes on."""
    simulation, operations = simulated(configuration, seed)
    for operation in operations:
        spent: Counter[str] = Counter()
        for state, start, end in operation.pieces:
            spent[state.name] += end - start
        nominal = {state.name: state.ticks for state in operation.op.base.states}
        if operation.is_over or not operation.epoch:
            assert spent == nominal
        assert all(spent[name] <= ticks for name, ticks in nominal.items())
        assert all(before[2] <= after[1] for before, after in pairwise(operation.pieces))
        gaps = [(before[2], after[1]) for before, after in pairwise(operation.pieces) if before[2] < after[1]]
        for (_, resumed), (cut, _) in pairwise(gaps):
            assert cut - resumed >= configuration.policies.resume_to_suspend_ticks
        if operation.epoch == 0:
            assert (operation.first_tick, operation.last_tick) == (operation.start_tick, operation.end_tick)
    waiting = [operation for operation in operations if operation.epoch and not operation.is_over]
    simulation.run(20000)  # more than the longest suspension and operation
    assert all(operation.is_over for operation in waiting)


@SETTINGS
@given(configurations(), SEEDS)
def test_a_suspend_cuts_its_own_family_only(configuration: Configuration, seed: int) -> None:
    """Prevents an erase that a program's suspend cuts; a suspend while its die has suspended work already."""
    simulation = Simulation(configuration, seed)

    class Looker(Watcher):
        def decided(self, decision: Decision) -> None:
            suspended = decision.selected.first.base.suspends if decision.selected else ""
            if suspended:
                suspension = simulation.resources.suspension(decision.proposal.die)
                assert suspension is not None
                assert suspension.since_tick == decision.start_tick
                assert {work.operation.op.base.family for work in suspension.works} == {suspended}

    simulation.run(6000.0, Looker())


@pytest.mark.parametrize("preset", PRESETS)
def test_suspended_work_is_resumed_in_time(preset: str) -> None:
    """Prevents a busy device that keeps suspended work waiting forever."""
    configuration = load_configuration(preset=preset)
    _, operations = simulated(configuration, seed=3, run_us=40000.0)
    longest = configuration.policies.max_suspend_ticks + tick(500.0)
    cut = [operation for operation in operations if operation.epoch]
    assert bool(cut) == (preset in ("default", "pgm-read"))
    for operation in cut:
        assert all(after[1] - before[2] <= longest for before, after in pairwise(operation.pieces))


def test_the_default_configuration_does_everything() -> None:
    """Prevents an operation of the default configuration that its own rules never let happen."""
    configuration = load_configuration()
    _, operations = simulated(configuration, seed=1, run_us=150000.0)
    assert {operation.op.name for operation in operations} == set(configuration.batches) - {"Delay"}


def test_batches_run_without_a_gap() -> None:
    """Prevents a cache program whose pages are not programmed back to back."""
    watcher = Watcher()
    Simulation(load_configuration(), 5).run(20000, watcher)
    batches = [decision.operations for decision in watcher.decisions if len(decision.operations) > 1]
    assert batches
    for operations in batches:
        assert [operation.op.base.name for operation in operations] == [*["CACHE_PROGRAM_SLC"] * 2, "PROGRAM_SLC"]
        assert all(before.end_tick == after.start_tick for before, after in pairwise(operations))


@SETTINGS
@given(configurations(), SEEDS)
def test_operations_start_within_the_window_and_are_told_in_order(configuration: Configuration, seed: int) -> None:
    """Prevents an operation before its proposal or too late; a sequence that is not in the order of starts."""
    simulation, watcher = Simulation(configuration, seed), Watcher()
    summary = simulation.run(5000.0, watcher)
    window = configuration.policies.admission_window_ticks
    asked = [
        (decision.proposal.die, decision.proposal.plane, decision.proposal.at_tick) for decision in watcher.decisions
    ]
    assert len(asked) == len(set(asked)) == summary.decisions
    for decision in watcher.decisions:
        for operation in decision.operations[:1]:
            assert 0 <= operation.start_tick - decision.proposal.at_tick <= window
    starts = [operation.first_tick for operation in watcher.starts]
    assert starts == sorted(starts)
    begun = {operation.uid for operation in watcher.operations if operation.pieces and operation.first_tick < 500000}
    assert {operation.uid for operation in watcher.starts} == begun
    assert [operation.uid for operation in watcher.operations] == list(range(1, summary.operations + 1))
