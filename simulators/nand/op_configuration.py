"""The operations of a configuration: op_bases and op_names, checked against each other.

docs/simulators.md is the reference of the keys; `configuration_file` says what each value is by itself.
"""

from __future__ import annotations

from afterstate.phase_key import END
from simulators.nand.configuration_file import OpBasePart, OpNamePart, StatePart, refuse
from simulators.nand.operations import Batch, OpBase, OpName, State, make_batch


def make_base(name: str, part: OpBasePart) -> OpBase:
    """Return an operation base. Raises ConfigurationError for one that cannot be simulated."""
    path = ("op_bases", name)
    states = [_state(name, item, (*path, "states", number)) for number, item in enumerate(part.states)]
    names = [state.name for state in states]
    for number, state in enumerate(states):
        if state.name in names[:number]:
            raise refuse(f"the state `{state.name}` is stated twice", *path, "states")
    base = OpBase(
        name,
        tuple(states),
        scope=part.scope,
        access=part.access,
        family=part.family,
        suspends=part.suspends,
        resumes=part.resumes,
        is_allowed_while_suspended=part.allowed_while_suspended,
        ticks=sum(state.ticks for state in states),
    )
    problem = _problem_of(base)
    if problem:
        key, reason = problem
        raise refuse(reason, *path, *([key] if key in part.model_fields_set else []))
    return base


def _state(base: str, part: StatePart, path: tuple[str | int, ...]) -> State:
    if part.name == END:
        raise refuse(f"{END} is what holds after a segment, for analysis only; it names no state", *path, "name")
    for number, at in enumerate(part.hooks_us):
        if at >= part.duration_us:
            reason = f"{at / 100:g} µs is not inside the state, which lasts {part.duration_us / 100:g} µs"
            raise refuse(reason, *path, "hooks_us", number)
    if part.bus and part.suspendable:
        raise refuse("a state that uses the bus cannot be suspended", *path, "suspendable")
    hooks = tuple(int(at) for at in sorted(set(part.hooks_us)))
    return State(part.name, f"{base}.{part.name}", int(part.duration_us), part.bus, part.suspendable, hooks)


def _problem_of(base: OpBase) -> tuple[str, str] | None:
    """Return the key and the reason why a base cannot be simulated."""
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


def check_families(bases: dict[str, OpBase]) -> None:
    """Raise ConfigurationError for a suspend or resume of work that no base does."""
    families = sorted({base.family for base in bases.values()} - {""})
    expected = ", ".join(families) or "(there are none)"
    for name, base in bases.items():
        for relation, family in (("suspends", base.suspends), ("resumes", base.resumes)):
            if family and family not in families:
                reason = f"`{family}` is the family of no base; expected one of {expected}"
                raise refuse(reason, "op_bases", name, relation)


def make_batches(parts: dict[str, OpNamePart], bases: dict[str, OpBase], planes_of_a_die: int) -> dict[str, Batch]:
    """Return the operation names, each as the batch that it begins. Raises ConfigurationError where there is none."""
    names = {name: _op_name(name, part, bases, planes_of_a_die) for name, part in parts.items()}
    return {name: make_batch((names[name], *_followers(part, names[name], names))) for name, part in parts.items()}


def _op_name(name: str, part: OpNamePart, bases: dict[str, OpBase], planes_of_a_die: int) -> OpName:
    path = ("op_names", name)
    base = bases.get(part.base)
    if base is None:
        raise refuse(f"`{part.base}` is unknown; expected one of {', '.join(bases)}", *path, "base")
    if part.planes > planes_of_a_die:
        raise refuse(f"{part.planes} is out of range; expected 1 to {planes_of_a_die}", *path, "planes")
    if planes_of_a_die % part.planes:
        reason = f"the {planes_of_a_die} planes of a die do not fall into groups of {part.planes}"
        raise refuse(reason, *path, "planes")
    if base.scope != "plane" and part.planes > 1:
        raise refuse(f"an operation of scope `{base.scope}` has no planes of its own", *path, "planes")
    if base.access == "program" and not part.celltype:
        raise refuse("what programs needs a `celltype`", *path)
    return OpName(name, base, part.celltype, part.planes)


def _followers(part: OpNamePart, first: OpName, names: dict[str, OpName]) -> list[OpName]:
    followers = []
    for number, name in enumerate(part.then):
        path = ("op_names", first.name, "then", number)
        follower = names.get(name)
        if follower is None:
            raise refuse(f"`{name}` is unknown; expected one of {', '.join(names)}", *path)
        if first.base.scope != "plane" or follower.base.scope != "plane":
            raise refuse("only operations of scope `plane` follow each other in a batch", *path)
        if _alike(follower) != _alike(first):
            raise refuse(f"`{name}` has other planes, cell type or family than `{first.name}`", *path)
        followers.append(follower)
    return followers


def _alike(name: OpName) -> tuple[int, str, str]:
    return name.planes, name.celltype, name.base.family


def find_resumes(batches: dict[str, Batch]) -> dict[str, str]:
    """Return the operation that resumes each family. Raises ConfigurationError where one is suspended and has none."""
    resumes = {batch.first.base.resumes: name for name, batch in batches.items() if batch.first.base.resumes}
    for name, batch in batches.items():
        family = batch.first.base.suspends
        if family and family not in resumes:
            raise refuse(f"nothing in op_names resumes `{family}`: its work would never finish", "op_names", name)
    return resumes
