"""The state of the planes and buses, as a scheduler and its proposer ask for it.

Data flow: a batch and where it shall run -> `reserve` finds the first tick at which every plane and bus it needs is
free, and holds the bus -> `commit` writes its segments into the timeline, or `roll_back` releases the bus. A suspend
cuts what runs on its die and keeps it (`suspension`); a resume lays it behind itself. Times are ticks inside, µs where
people ask (design section 5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afterstate.phase_key import DEFAULT, Boundary
from simulators.nand.bus import Bus, Uses
from simulators.nand.configuration import Topology
from simulators.nand.operations import Batch, Operation
from simulators.nand.state_timeline import TICKS_PER_US, StateTimeline
from simulators.nand.suspension import Suspension, cut, find_work, lay_out

# Why there is no reservation; the words stand in the proposer's log.
WINDOW_EXCEED = "window_exceed"
SUSPENDED = "state_block axis=SUSPEND state=SUSPENDED"
NOT_SUSPENDED = "state_block axis=SUSPEND state=NOT_SUSPENDED"
NOTHING_TO_SUSPEND = "state_block axis=SUSPEND state=NOTHING_TO_SUSPEND"
JUST_RESUMED = "state_block axis=SUSPEND state=JUST_RESUMED"


@dataclass(slots=True)
class Reservation:
    """What is held for a batch until it is committed or rolled back."""

    batch: Batch
    die: int
    planes: tuple[int, ...]  # those that the operations name
    occupied: tuple[int, ...]  # those that are busy with them
    start_tick: int
    bus_uses: Uses


class ResourceManager:
    """Keeps what every plane of one session does; one resource manager lives through all runs of its session.

    Work that was resumed cannot be suspended again for `resume_to_suspend_ticks`, so that it comes to an end.
    """

    def __init__(self, topology: Topology | None = None, resume_to_suspend_ticks: int = 0) -> None:
        topology = topology or Topology()
        self.timeline = StateTimeline()
        self.buses = [Bus() for _ in range(topology.channels)]
        self._all_planes = tuple(range(topology.planes))
        self._free_from = [[0] * topology.planes for _ in range(topology.dies)]
        self._work: list[list[deque[Operation]]] = [[deque() for _ in self._all_planes] for _ in self._free_from]
        self._suspensions: list[Suspension | None] = [None] * topology.dies
        self._resume_to_suspend_ticks = resume_to_suspend_ticks
        self._suspendable_from = [0] * topology.dies

    def op_state(self, die: int, plane: int, t: float) -> str | None:
        """Return the `<BASE>.<STATE>` that a plane is in at `t` µs, None when it is in none."""
        return self.timeline.state_at(die, plane, t)

    def phase_key_at(
        self,
        die: int,
        plane: int,
        t: float,
        default: str = DEFAULT,
        derive_end: bool = True,
        *,
        boundary: Boundary = "covering",
    ) -> str:
        """Return the phase key of a plane at `t` µs (design section 5).

        It is the plane's `<BASE>.<STATE>`; after a segment and before the next, `<BASE>.END` of the one that is over
        (with `derive_end`, else `default`); before any segment, `default`. With the boundary `before` it is what held
        just before `t`, so that an operation that starts at its own proposal does not see itself. Raises ValueError for
        a time that is not finite and for an unknown boundary.
        """
        return self.timeline.phase_key_at(die, plane, t, default, derive_end, boundary=boundary)

    def snapshot(self) -> dict[str, Any]:
        """Return the timeline so far: `timeline` is a list of (die, plane, op_base, state, start_us, end_us)."""
        return {"timeline": list(self.timeline.rows())}

    def suspension(self, die: int) -> Suspension | None:
        """Return the work that is suspended on a die."""
        return self._suspensions[die]

    def is_free(self, die: int, plane: int, at_tick: int) -> bool:
        """Whether nothing is reserved on a plane from a tick on."""
        return self._free_from[die][plane] <= at_tick

    def bus(self, die: int) -> Bus:
        """Return the bus of a die's channel."""
        return self.buses[die % len(self.buses)]

    def reserve(self, batch: Batch, die: int, planes: tuple[int, ...], now: int, latest: int) -> Reservation | str:
        """Hold the bus for a batch that starts from `now` to `latest`; return the reservation, or why there is none."""
        base, suspension = batch.first.base, self._suspensions[die]
        bus_uses: Uses = batch.bus
        if base.resumes:
            if suspension is None or suspension.family != base.resumes:
                return NOT_SUSPENDED
            bus_uses = (
                *batch.bus,
                *((batch.ticks + begin, batch.ticks + until) for begin, until in suspension.bus_uses),
            )
        elif suspension is not None and not base.is_allowed_while_suspended:
            return SUSPENDED
        occupied = planes if base.scope == "plane" else self._all_planes if base.scope == "die" else ()
        free_from = self._free_from[die]
        earliest = now
        if not base.suspends:
            for plane in occupied:
                if free_from[plane] > earliest:
                    earliest = free_from[plane]
            if earliest > latest:
                return WINDOW_EXCEED
        bus = self.bus(die)
        start = bus.earliest(earliest, latest, bus_uses)
        if start is None:
            return WINDOW_EXCEED
        if base.suspends and start < self._suspendable_from[die]:
            return JUST_RESUMED
        if base.suspends and not find_work(self._work[die], base.suspends, now, start):
            return NOTHING_TO_SUSPEND
        bus.reserve(start, bus_uses)
        return Reservation(batch, die, planes, occupied, start, bus_uses)

    def roll_back(self, reservation: Reservation) -> None:
        """Release what a reservation held; nothing of it was visible."""
        self.bus(reservation.die).release(reservation.start_tick + begin for begin, _ in reservation.bus_uses)

    def commit(self, reservation: Reservation, operations: Sequence[Operation]) -> list[tuple[Operation, int]]:
        """Write the operations of a reservation into the timeline, and do what a suspend or a resume does to others.

        Returns the operations that were resumed, each with the number of its first new piece.
        """
        die, base = reservation.die, reservation.batch.first.base
        if base.suspends:
            self._suspend(die, base.suspends, reservation.start_tick)
        for operation in operations:
            self._occupy(operation)
        return self._resume(die, operations[-1].end_tick) if base.resumes else []

    def finish(self, operation: Operation) -> None:
        """Remove an operation that is over from its planes."""
        operation.is_over = True
        for plane in operation.planes:
            self._work[operation.die][plane].remove(operation)

    def forget_before(self, at_tick: int) -> None:
        """Forget bus uses that were over by a tick."""
        for bus in self.buses:
            bus.forget_before(at_tick)

    def _occupy(self, operation: Operation, from_piece: int = 0) -> None:
        """Write an operation's pieces into its planes' timelines, and keep the planes until its end."""
        die, name, add = operation.die, operation.op.base.name, self.timeline.add_ticks
        for plane in operation.planes:
            for state, start, end in operation.pieces[from_piece:]:
                add(die, plane, name, state.name, start, end)
            self._free_from[die][plane] = operation.last_tick
            self._work[die][plane].append(operation)

    def _suspend(self, die: int, family: str, at_tick: int) -> None:
        operations = find_work(self._work[die], family, at_tick, at_tick)
        suspension = cut(operations, family, at_tick)
        self.bus(die).release(at_tick + begin for begin, _ in suspension.bus_uses)
        for operation in operations:
            for plane in operation.planes:
                self.timeline.truncate_after(die, plane, at_tick / TICKS_PER_US)
                self._work[die][plane].remove(operation)
        self._suspensions[die] = suspension

    def _resume(self, die: int, at_tick: int) -> list[tuple[Operation, int]]:
        suspension = self._suspensions[die]
        if suspension is None:
            raise AssertionError("a resume was reserved where nothing is suspended")
        resumed = list(lay_out(suspension, at_tick))
        for operation, first_piece in resumed:
            self._occupy(operation, first_piece)
        self._suspensions[die] = None
        self._suspendable_from[die] = at_tick + self._resume_to_suspend_ticks
        return resumed
