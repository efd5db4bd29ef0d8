"""From a hook to committed operations: propose, reserve, then commit, or roll back what was held.

What is recorded of it (`Proposal`, refusals) is never read here, so that recording cannot change a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulators.nand.addresses import AddressManager
from simulators.nand.configuration import Configuration
from simulators.nand.operations import Batch, Operation, Proposal
from simulators.nand.proposer import Proposer
from simulators.nand.resource_manager import Reservation, ResourceManager

# Why an operation was committed that was not drawn; the `source` column says so.
MAX_SUSPEND = "MAX_SUSPEND"


@dataclass(slots=True)
class Decision:
    """What came of one hook: `selected` is None when nothing could be reserved; a delay has no operations."""

    proposal: Proposal
    op_state: str | None
    refusals: list[tuple[str, str]] = field(default_factory=list)  # op_name, reason
    selected: Batch | None = None
    start_tick: int = 0
    operations: list[Operation] = field(default_factory=list)
    resumed: list[tuple[Operation, int]] = field(default_factory=list)  # operation, number of its first new piece


class Scheduler:
    """Makes the decisions of one session; counts operations from 1 in each run."""

    def __init__(
        self,
        configuration: Configuration,
        resources: ResourceManager,
        addresses: AddressManager,
        proposer: Proposer,
        keeps_proposals: bool = True,
    ) -> None:
        self._configuration = configuration
        self._policies = configuration.policies
        self._batches = configuration.batches
        self._resources, self._addresses, self._proposer = resources, addresses, proposer
        self._keeps_proposals = keeps_proposals
        self._groups = {
            (batch.first.planes, plane): tuple(range(first, first + batch.first.planes))
            for batch in configuration.batches.values()
            for plane in range(configuration.topology.planes)
            for first in [plane - plane % batch.first.planes]
        }
        self.run = 1
        self.operations = 0

    def begin_run(self, run: int) -> None:
        """Count from 1 again."""
        self.run, self.operations = run, 0

    def decide(self, now: int, die: int, plane: int, label: str) -> Decision:
        """Try operations for a hook at tick `now` until one can be committed; `label` is the key where no state is."""
        op_state = self._resources.timeline.state_at_tick(die, plane, now)
        key = self._proposer.phase_key(op_state, label)
        decision = Decision(Proposal(key, die, plane, label, now), op_state)
        resume = self._overdue_resume(die, now)
        for name in [resume] if resume else self._proposer.candidates(key):
            batch = self._batches[name]
            problem = self._try(batch, decision, MAX_SUSPEND if resume else "") if batch.ticks else None
            if problem is None:
                decision.selected = batch
                decision.start_tick = decision.operations[0].start_tick if decision.operations else now
                break
            decision.refusals.append((name, problem))
        return decision

    def _overdue_resume(self, die: int, now: int) -> str | None:
        """Return the operation that has to come first on a die whose work has been suspended for too long."""
        suspension = self._resources.suspension(die)
        if suspension is None or now - suspension.since_tick < self._policies.max_suspend_ticks:
            return None
        return self._configuration.resumes[suspension.family]

    def _try(self, batch: Batch, decision: Decision, source: str) -> str | None:
        """Reserve a batch and commit it; return None, or why that was not possible, with nothing left behind."""
        asked = decision.proposal
        planes = self._groups[batch.first.planes, asked.plane]
        latest = asked.at_tick + self._policies.admission_window_ticks
        reservation = self._resources.reserve(batch, asked.die, planes, asked.at_tick, latest)
        if isinstance(reservation, str):
            return reservation
        operations: list[Operation] = []
        for operation in self._operations(reservation, asked, source):
            if isinstance(operation, str):
                self._addresses.roll_back()
                self._resources.roll_back(reservation)
                return operation
            operations.append(operation)
        self._addresses.commit()
        decision.resumed = self._resources.commit(reservation, operations)
        decision.operations = operations
        self.operations += len(operations)
        return None

    def _operations(self, reservation: Reservation, asked: Proposal, source: str) -> Iterator[Operation | str]:
        """Return the operations of a reservation, each with addresses; or why there are none for one."""
        start = reservation.start_tick
        for number, op in enumerate(reservation.batch.items, start=1):
            addresses = self._addresses.take(op, reservation.die, reservation.planes)
            if isinstance(addresses, str):
                yield addresses
                return
            end = start + op.ticks
            yield Operation(
                self.run,
                self.operations + number,
                op,
                reservation.die,
                addresses,
                reservation.occupied,
                start,
                end,
                is_follower=number > 1,
                source=source,
                proposal=asked if self._keeps_proposals else None,
            )
            start = end
