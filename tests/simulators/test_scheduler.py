"""Proposals that come to nothing leave nothing behind, and those that are drawn follow the configuration."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from simulators.nand.addresses import NO_ERASED_BLOCK, NOTHING_READ, AddressManager
from simulators.nand.bus import Bus
from simulators.nand.operations import Operation
from simulators.nand.proposer import Proposer
from simulators.nand.resource_manager import NOTHING_TO_SUSPEND, Reservation, ResourceManager
from simulators.nand.scheduler import MAX_SUSPEND, Scheduler
from simulators.nand.simulation import OP_END, OP_START, PHASE_HOOK, QUEUE_REFILL, Simulation
from tests.simulators.nand import Watcher, configured


def scheduler_for(**changes: object) -> tuple[Scheduler, ResourceManager]:
    configuration = configured(topology__dies=1, topology__bad_blocks=[], **changes)
    resources, rng = ResourceManager(configuration.topology), random.Random("test")
    addresses, proposer = AddressManager(configuration, rng), Proposer(configuration, rng)
    return Scheduler(configuration, resources, addresses, proposer), resources


def test_a_batch_that_finds_no_address_is_rolled_back_whole() -> None:
    """Prevents the first operations of a batch, their pages or their bus time, kept when the last has no page."""
    scheduler, resources = scheduler_for(
        topology__pages_per_block=2,
        policies__initially_erased_blocks=1,
        phase_conditional={"DEFAULT": {"Cache_Program_SLC": 0.999999999, "Page_Program_SLC": 0.000000001}},
    )
    decision = scheduler.decide(0, 0, 0, "DEFAULT")  # three pages do not fit, then one does, and is the first
    assert decision.refusals == [("Cache_Program_SLC", NO_ERASED_BLOCK)]
    assert [operation.op.name for operation in decision.operations] == ["Page_Program_SLC"]
    assert decision.operations[0].addresses == ((0, 0, 0),)
    assert decision.operations[0].uid == 1
    assert resources.bus(0).starts == [0, 25]
    assert {row[2] for row in resources.timeline.rows()} == {"PROGRAM_SLC"}


def test_nothing_is_changed_where_nothing_can_be_done() -> None:
    """Prevents a hook without an operation that moves the device."""
    scheduler, resources = scheduler_for(phase_conditional={"DEFAULT": {"Data_Out": 0.5, "Program_Resume": 0.5}})
    decision = scheduler.decide(0, 0, 1, "DEFAULT")
    assert decision.selected is None
    assert decision.operations == []
    assert dict(decision.refusals)["Data_Out"] == NOTHING_READ
    assert resources.snapshot() == {"timeline": []}
    assert resources.bus(0).starts == []
    assert resources.is_free(0, 1, 0)


def test_an_erased_block_that_is_rolled_back_comes_again() -> None:
    """Prevents a block, or what can be read in it, lost with an erase that was rolled back."""
    configuration = configured(topology__dies=1, topology__bad_blocks=[], topology__pages_per_block=1)
    addresses = AddressManager(configuration, random.Random("test"))
    erase = configuration.batches["MultiPlane_Block_Erase"].first
    first = addresses.take(erase, 0, (0, 1))
    addresses.roll_back()
    assert addresses.take(erase, 0, (0, 1)) == first
    addresses.commit()
    assert addresses.take(erase, 0, (0, 1)) != first


def test_the_key_is_the_state_then_the_label_then_default() -> None:
    """Prevents a proposer that sees `<BASE>.END`, which is for analysis only, or a phase without a distribution."""
    proposer = Proposer(configured(), random.Random("test"))
    assert proposer.phase_key("ERASE.CORE_BUSY", "DEFAULT") == "ERASE.CORE_BUSY"
    assert proposer.phase_key(None, "READ.CORE_BUSY") == "READ.CORE_BUSY"
    assert proposer.phase_key("ERASE.ISSUE", "READ.CORE_BUSY") == "DEFAULT"
    assert proposer.phase_key(None, "DEFAULT") == "DEFAULT"


def test_operations_are_drawn_as_often_as_configured() -> None:
    """Prevents a sampler that leans to the first or the last of a distribution."""
    shares = {"Delay": 0.5, "Reset": 0.3, "Status_Read": 0.2}
    proposer = Proposer(configured(phase_conditional__DEFAULT=shares), random.Random("test"))
    drawn = [list(proposer.candidates("DEFAULT")) for _ in range(20000)]
    assert all(sorted(names) == sorted(shares) for names in drawn)
    first = Counter(names[0] for names in drawn)
    second = Counter(names[1] for names in drawn if names[0] == "Delay")
    assert all(abs(first[name] / 20000 - share) < 0.02 for name, share in shares.items())
    assert abs(second["Reset"] / first["Delay"] - 0.6) < 0.02


def test_the_bus_finds_the_first_gap() -> None:
    """Prevents a transfer that is put off although the bus is free, or squeezed in where it is not."""
    bus = Bus()
    bus.reserve(0, [(0, 10), (20, 30)])
    assert bus.earliest(0, 100, [(0, 10)]) == 10
    assert bus.earliest(0, 100, [(0, 11)]) == 30
    assert bus.earliest(0, 29, [(0, 11)]) is None
    assert bus.earliest(0, 100, [(0, 5), (15, 20)]) == 15
    bus.release([20])
    assert bus.earliest(0, 100, [(0, 11)]) == 10


def test_overdue_work_is_resumed_before_anything_else() -> None:
    """Prevents suspended work that waits for its operation to be drawn."""
    watcher = Watcher()
    only_suspends = {
        "DEFAULT": {"Page_Program_SLC": 0.5, "Program_Suspend": 0.3, "Page_Read_SLC": 0.2},
        "PROGRAM_SUSPEND.CORE_BUSY": {"Delay": 1.0},
    }
    configuration = configured(phase_conditional=only_suspends, policies__initially_erased_blocks=8)
    Simulation(configuration, 2).run(20000, watcher)
    resumes = [operation for operation in watcher.operations if operation.op.base.resumes]
    assert len(resumes) > 3
    assert all(operation.source == MAX_SUSPEND for operation in resumes)
    assert not [operation for operation in watcher.operations if operation.source and not operation.op.base.resumes]


def test_a_plane_is_asked_once_a_tick() -> None:
    """Prevents two decisions for one plane and time, so that a row could have come from either.

    A reset lasts as long as a refill takes here, so that the hooks after it and refills meet.
    """
    assert OP_END < PHASE_HOOK < QUEUE_REFILL < OP_START  # the order at one tick
    watcher = Watcher()
    configuration = configured(
        topology__dies=1,
        topology__bad_blocks=[],
        policies__refill_us=10.1,
        policies__hook_after_end_us=0.0,
        phase_conditional={"DEFAULT": {"Reset": 0.5, "Delay": 0.5}},
    )
    Simulation(configuration, 1).run(5000.0, watcher)
    asked = [(decision.proposal.plane, decision.proposal.at_tick) for decision in watcher.decisions]
    assert len(asked) > 500
    assert len(asked) == len(set(asked))


def test_a_suspend_cuts_only_what_has_begun() -> None:
    """Prevents an operation that is cut between its commit and its start, whose start nobody is told of."""
    _, resources = scheduler_for()
    batches = configured().batches
    program, suspend = batches["Page_Program_SLC"], batches["Program_Suspend"]
    held = resources.reserve(program, 0, (0,), now=0, latest=100)
    assert isinstance(held, Reservation)
    resources.commit(held, [Operation(1, 1, program.first, 0, ((0, 0, 0),), (0,), 0, program.ticks)])
    resources.bus(0).reserve(982, [(0, 100)])  # so that the suspend would begin within the program's CORE_BUSY
    assert resources.reserve(suspend, 0, (0,), now=0, latest=5000) == NOTHING_TO_SUSPEND
    assert isinstance(resources.reserve(suspend, 0, (0,), now=2000, latest=5000), Reservation)


@pytest.mark.parametrize("duration", [0.0, -1.0, 0.001, float("nan"), float("inf")])
def test_a_run_needs_time(duration: float) -> None:
    """Prevents a run without an end, or one that goes back in time."""
    with pytest.raises(ValueError, match="time"):
        Simulation(configured()).run(duration)
