"""One session of a NAND device: a heap of events, and what follows from each.

At one tick, operations end first, then hooks and refills ask the proposer, and last operations start. A hook is a
moment in a state that the configuration names, or the end of an operation; an idle plane is refilled again and again.
A plane is asked once a tick. Several runs go on with one timeline: a run handles the events before its end, and the
next run those from there on. Times are ticks inside, µs at the edges (design section 5).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Protocol

from afterstate.phase_key import DEFAULT, tick
from simulators.nand.addresses import AddressManager
from simulators.nand.configuration import Configuration
from simulators.nand.operations import Operation
from simulators.nand.proposer import Proposer
from simulators.nand.resource_manager import ResourceManager
from simulators.nand.rows import RowKeeper
from simulators.nand.scheduler import Decision, Scheduler
from simulators.nand.state_timeline import TICKS_PER_US

# Kinds of events, in the order in which they happen at one tick.
OP_END, PHASE_HOOK, QUEUE_REFILL, OP_START = range(4)
# After so many events, what can be written is written, and people are told.
EVENTS_PER_FLUSH = 4096

Progress = Callable[[int], None]  # takes the tick that has been reached


class Recorder(Protocol):
    """Who takes note of a run."""

    def decided(self, decision: Decision) -> None:
        """Note what came of a hook."""

    def started(self, operation: Operation) -> None:
        """Note that an operation has begun; operations begin in the order of their starts."""

    def flush(self, now: int) -> None:
        """Write what will not change any more; all before `now` has happened."""


@dataclass(frozen=True)
class RunSummary:
    """What one run did; it began where the run before ended."""

    run: int
    start_us: float
    end_us: float
    operations: int
    decisions: int


class Simulation:
    """A session; `record` false keeps no rows and no proposals, and changes nothing else."""

    def __init__(self, configuration: Configuration, seed: int | str = 0, *, record: bool = True) -> None:
        rng = random.Random(f"nand/{seed}")  # noqa: S311 - to be reproduced, not to be secret
        self._policies = configuration.policies
        self.resources = ResourceManager(configuration.topology, self._policies.resume_to_suspend_ticks)
        self._addresses = AddressManager(configuration, rng)
        self._scheduler = Scheduler(
            configuration, self.resources, self._addresses, Proposer(configuration, rng), keeps_proposals=record
        )
        self._heap: list[tuple[int, int, int, Any]] = []
        self._events = 0
        self._run = 0
        self._now = 0
        self._rows = RowKeeper() if record else None
        topology = configuration.topology
        self._asked_at = [[-1] * topology.planes for _ in range(topology.dies)]
        self._is_refill_due = [[True] * topology.planes for _ in range(topology.dies)]
        places = [(die, plane) for plane in range(topology.planes) for die in range(topology.dies)]
        for number, place in enumerate(places):  # one after another, so that they do not all want the bus at once
            self._push(number * self._policies.refill_ticks // len(places), QUEUE_REFILL, place)

    def run(self, duration_us: float, recorder: Recorder | None = None, progress: Progress | None = None) -> RunSummary:
        """Go on for a time in µs and return what was done; `progress` is called with the tick that is reached.

        Rows are kept for `timeline_rows` unless a recorder takes them. Raises ValueError for less than a tick.
        """
        if tick(duration_us) <= 0:
            raise ValueError(f"a run of {duration_us} µs has no time in it; expected at least 0.01 µs")
        self._run += 1
        self._scheduler.begin_run(self._run)
        start, end = self._now, self._now + tick(duration_us)
        recorder = recorder or self._rows
        decisions = self._handle_events(end, recorder, progress)
        self._now = end
        return RunSummary(self._run, start / TICKS_PER_US, end / TICKS_PER_US, self._scheduler.operations, decisions)

    def timeline_rows(self, run: int | None = None) -> list[dict[str, Any]]:
        """Return a run's proposal rows, the latest run's by default: the columns of proposal_rows, times in µs."""
        return self._rows.rows(run or self._run) if self._rows else []

    def snapshot(self) -> dict[str, Any]:
        """Return the timeline so far: `timeline` is a list of (die, plane, op_base, state, start_us, end_us)."""
        return self.resources.snapshot()

    def _push(self, at_tick: int, kind: int, subject: Any) -> None:
        self._events += 1  # among events of one kind at one tick, the first pushed comes first
        heappush(self._heap, (at_tick, kind, self._events, subject))

    def _handle_events(self, end: int, recorder: Recorder | None, progress: Progress | None) -> int:
        heap, handled, decisions = self._heap, 0, 0
        while heap and heap[0][0] < end:
            now, kind, _, subject = heappop(heap)
            handled += 1
            if handled % EVENTS_PER_FLUSH == 0:
                self.resources.forget_before(now)
                if recorder:
                    recorder.flush(now)
                if progress:
                    progress(now)
            if kind == OP_START:
                operation, epoch = subject
                if operation.epoch == epoch:
                    self._announce(operation, 0)
                    if recorder:
                        recorder.started(operation)
            elif kind == OP_END:
                operation, epoch = subject
                if operation.epoch == epoch:
                    self._end(now, operation)
            else:
                decisions += self._ask(now, kind, subject, recorder)
        return decisions

    def _ask(self, now: int, kind: int, subject: Any, recorder: Recorder | None) -> bool:
        """Ask the scheduler to decide, unless the hook is void; return whether it did."""
        if kind == QUEUE_REFILL:
            die, plane = subject
            label = DEFAULT
            self._is_refill_due[die][plane] = False
            if not self.resources.is_free(die, plane, now):
                return False  # the end of what it does will ask
        else:
            die, plane, label, operation, epoch = subject
            if operation.epoch != epoch:
                return False
        if self._asked_at[die][plane] == now:
            return False
        self._asked_at[die][plane] = now
        decision = self._scheduler.decide(now, die, plane, label)
        for operation in decision.operations:
            self._push(operation.start_tick, OP_START, (operation, operation.epoch))
        for operation, first_piece in decision.resumed:
            if first_piece:
                self._announce(operation, first_piece)
            else:
                self._push(operation.first_tick, OP_START, (operation, operation.epoch))
        if self.resources.is_free(die, plane, now) and not self._is_refill_due[die][plane]:
            self._is_refill_due[die][plane] = True
            self._push(now + self._policies.refill_ticks, QUEUE_REFILL, (die, plane))
        if recorder:
            recorder.decided(decision)
        return True

    def _announce(self, operation: Operation, first_piece: int) -> None:
        """Push the hooks of an operation's states, and its end. What a suspend has cut has no hooks of its own."""
        for state, start, end in operation.pieces[first_piece:]:
            if state.hooks and end - start == state.ticks:
                for hook in state.hooks:
                    subject = (operation.die, operation.planes[0], state.key, operation, operation.epoch)
                    self._push(start + hook, PHASE_HOOK, subject)
        self._push(operation.last_tick, OP_END, (operation, operation.epoch))

    def _end(self, now: int, operation: Operation) -> None:
        self.resources.finish(operation)
        self._addresses.finish(operation)
        label = operation.pieces[-1][0].key
        for plane in operation.planes:
            if self.resources.is_free(operation.die, plane, now):
                subject = (operation.die, plane, label, operation, operation.epoch)
                self._push(now + self._policies.hook_after_end_ticks, PHASE_HOOK, subject)
