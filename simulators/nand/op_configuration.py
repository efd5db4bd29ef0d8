"""The operations of a configuration: op_bases and op_names, checked against each other.

docs/simulators.md is the reference of the keys; `configuration` reads the rest.
"""

from __future__ import annotations

from typing import get_args

from afterstate.phase_key import END
from simulators.nand.checked import Checked
from simulators.nand.operations import Access, Batch, OpBase, OpName, Scope, State, make_batch


def read_base(name: str, value: Checked) -> OpBase:
    """Read an operation base."""
    optional = ["scope", "access", "family", "suspends", "resumes", "allowed_while_suspended"]
    found = value.fields(["states"], optional)
    name = Checked(name, value.path).name()
    states = [_state(name, item) for item in found["states"].items()]
    names = [state.name for state in states]
    for number, state in enumerate(states):
        if state.name in names[:number]:
            raise found["states"].refuse(f"the state `{state.name}` is stated twice")
    base = OpBase(
        name,
        tuple(states),
        scope=found["scope"].choice(get_args(Scope)) if "scope" in found else "plane",  # type: ignore[arg-type]
        access=found["access"].choice(get_args(Access)) if "access" in found else "none",  # type: ignore[arg-type]
        family=found["family"].name() if "family" in found else "",
        suspends=found["suspends"].name() if "suspends" in found else "",
        resumes=found["resumes"].name() if "resumes" in found else "",
        is_allowed_while_suspended="allowed_while_suspended" in found and found["allowed_while_suspended"].flag(),
        ticks=sum(state.ticks for state in states),
    )
    problem = _problem_of(base)
    if problem:
        key, reason = problem
        raise found.get(key, value).refuse(reason)
    return base


def _state(base: str, value: Checked) -> State:
    found = value.fields(["name", "duration_us"], ["bus", "suspendable", "hooks_us"])
    name = found["name"].name()
    if name == END:
        raise found["name"].refuse(f"{END} is what holds after a segment, for analysis only; no state is called so")
    ticks = found["duration_us"].ticks(lowest=1)
    hooks = [(hook, hook.ticks()) for hook in (found["hooks_us"].items() if "hooks_us" in found else ())]
    for hook, at in hooks:
        if at >= ticks:
            raise hook.refuse(f"{hook.value} µs is not inside the state, which lasts {found['duration_us'].value} µs")
    uses_bus = "bus" in found and found["bus"].flag()
    is_suspendable = "suspendable" in found and found["suspendable"].flag()
    if uses_bus and is_suspendable:
        raise found["suspendable"].refuse("a state that uses the bus cannot be suspended")
    return State(name, f"{base}.{name}", ticks, uses_bus, is_suspendable, tuple(sorted({at for _, at in hooks})))


def _problem_of(base: OpBase) -> tuple[str, str] | None:
    """Give the key and the reason why a base cannot be simulated."""
    if not base.states and (base.scope != "bus" or base.access != "none"):
        return "states", "only a base of scope `bus` and access `none` may do nothing"
    if base.access != "none" and base.scope != "plane":
        return "access", f"`{base.access}` needs scope `plane`, since each plane has blocks of its own"
    if (base.suspends or base.resumes) and base.scope != "die":
        return "scope", "what suspends or resumes does so for its whole die; expected `die`"
    if base.suspends and base.resumes:
        return "resumes", "a base suspends or resumes, not both"
    if base.family and base.scope != "plane":
        return "family", "only work of scope `plane` can be suspended"
    if any(state.is_suspendable for state in base.states) and not base.family:
        return "states", "a suspendable state needs the base's `family`, which says what suspends it"
    if base.is_allowed_while_suspended and (base.access in ("erase", "program") or base.suspends or base.family):
        return "allowed_while_suspended", "while work is suspended, no other work of its kind may begin"
    return None


def check_families(value: Checked, bases: dict[str, OpBase]) -> None:
    """Refuse a suspend or resume of work that no base does."""
    families = sorted({base.family for base in bases.values()} - {""})
    for key, entry in value.entries().items():
        for relation in ("suspends", "resumes"):
            family = getattr(bases[key], relation)
            if family and family not in families:
                raise Checked(family, f"{entry.path}.{relation}").refuse(
                    f"`{family}` is the family of no base; expected one of {', '.join(families) or '(there are none)'}"
                )


def read_batches(value: Checked, bases: dict[str, OpBase], planes_of_a_die: int) -> dict[str, Batch]:
    """Read the operation names, each as the batch that it begins."""
    entries = value.entries()
    names: dict[str, OpName] = {}
    for key, entry in entries.items():
        found = entry.fields(["base"], ["celltype", "planes", "then"])
        base = bases[found["base"].choice(bases)]
        celltype = found["celltype"].name() if "celltype" in found else ""
        planes = found["planes"].integer(1, planes_of_a_die + 1) if "planes" in found else 1
        if planes_of_a_die % planes:
            raise found["planes"].refuse(f"the {planes_of_a_die} planes of a die do not fall into groups of {planes}")
        if base.scope != "plane" and planes > 1:
            raise found["planes"].refuse(f"an operation of scope `{base.scope}` has no planes of its own")
        if base.access == "program" and not celltype:
            raise entry.refuse("what programs needs a `celltype`")
        names[key] = OpName(Checked(key, entry.path).name(), base, celltype, planes)
    return {key: make_batch((names[key], *_followers(entries[key], names[key], names))) for key in names}


def _followers(entry: Checked, first: OpName, names: dict[str, OpName]) -> list[OpName]:
    found = entry.entries()
    followers = []
    for item in found["then"].items() if "then" in found else ():
        follower = names[item.choice(names)]
        if first.base.scope != "plane" or follower.base.scope != "plane":
            raise item.refuse("only operations of scope `plane` follow each other in a batch")
        if (follower.planes, follower.celltype, follower.base.family) != (
            first.planes,
            first.celltype,
            first.base.family,
        ):
            raise item.refuse(f"`{follower.name}` has other planes, cell type or family than `{first.name}`")
        followers.append(follower)
    return followers


def find_resumes(value: Checked, batches: dict[str, Batch]) -> dict[str, str]:
    """Give the operation that resumes each family; one that is suspended needs one."""
    resumes = {batch.first.base.resumes: name for name, batch in batches.items() if batch.first.base.resumes}
    for name, batch in batches.items():
        family = batch.first.base.suspends
        if family and family not in resumes:
            raise value.entries()[name].refuse(f"nothing in op_names resumes `{family}`: its work would never finish")
    return resumes
