"""What a NAND can be told to do: operations as a configuration describes them, and as they happen.

An operation base (ERASE) is a sequence of states with durations; an operation name (Block_Erase_SLC) is a base with a
cell type and a number of planes. A batch is an operation with those that follow it without a gap: it is reserved and
rolled back as one. Times are ticks of 0.01 µs (design section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["plane", "die", "bus"]
Access = Literal["none", "erase", "program", "read", "dataout"]


@dataclass(frozen=True, slots=True)
class State:
    """One state of an operation base; `hooks` are the ticks from its start at which the proposer is asked again."""

    name: str
    key: str  # <BASE>.<STATE>
    ticks: int
    uses_bus: bool = False
    is_suspendable: bool = False
    hooks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OpBase:
    """A kind of operation: its states in their order, what it occupies and what it does to addresses.

    `scope`: its own planes, all planes of its die, or the bus alone, beside whatever its plane does. `family` is the
    work that a base which `suspends` it cuts, and one which `resumes` it goes on with.
    """

    name: str
    states: tuple[State, ...]
    scope: Scope = "plane"
    access: Access = "none"
    family: str = ""
    suspends: str = ""
    resumes: str = ""
    is_allowed_while_suspended: bool = False
    ticks: int = 0  # of all states


@dataclass(frozen=True, slots=True)
class OpName:
    """An operation as the proposer names it."""

    name: str
    base: OpBase
    celltype: str = ""
    planes: int = 1  # how many planes of the die do it together

    @property
    def ticks(self) -> int:
        """How long it lasts when nothing suspends it."""
        return self.base.ticks


@dataclass(frozen=True, slots=True)
class Batch:
    """An operation and those that follow it at once; `bus` are the (from, until) ticks in it that use the bus."""

    items: tuple[OpName, ...]
    ticks: int
    bus: tuple[tuple[int, int], ...]

    @property
    def first(self) -> OpName:
        """The operation that the proposer names."""
        return self.items[0]


def make_batch(items: tuple[OpName, ...]) -> Batch:
    """Lay operations end to end."""
    at, bus = 0, []
    for item in items:
        for state in item.base.states:
            if state.uses_bus:
                bus.append((at, at + state.ticks))
            at += state.ticks
    return Batch(items, at, tuple(bus))


@dataclass(frozen=True, slots=True)
class Proposal:
    """The context in which an operation was proposed: the key that was used, and the hook that asked (plan, step 2)."""

    phase_key: str
    die: int
    plane: int
    label: str
    at_tick: int


Piece = tuple[State, int, int]  # a state, or what a suspend left of it, from a tick until a tick
Address = tuple[int, int | None, int | None]  # plane, block, page


@dataclass(slots=True, eq=False)
class Operation:
    """An operation that was committed. A suspend cuts `pieces`, and the resume adds what is left of them."""

    run: int
    uid: int  # from 1 in its run
    op: OpName
    die: int
    addresses: tuple[Address, ...]  # one a plane that the operation names
    planes: tuple[int, ...]  # those that it occupies
    start_tick: int  # as reserved
    end_tick: int
    is_follower: bool = False  # not the first of its batch
    source: str = ""
    proposal: Proposal | None = None  # None when proposals are not recorded
    pieces: list[Piece] = field(default_factory=list)
    epoch: int = 0  # counts the suspends that moved it: events of an earlier epoch are void
    is_over: bool = False

    def __post_init__(self) -> None:
        at = self.start_tick
        for state in self.op.base.states:
            self.pieces.append((state, at, at + state.ticks))
            at += state.ticks

    @property
    def first_tick(self) -> int:
        """When it starts, as things stand."""
        return self.pieces[0][1] if self.pieces else self.start_tick

    @property
    def last_tick(self) -> int:
        """When it ends, as things stand."""
        return self.pieces[-1][2] if self.pieces else self.end_tick
