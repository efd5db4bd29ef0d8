"""A simulation's configuration: topology, policies, operations and the proposer's distributions.

Data flow: a YAML file, `default.yaml` unless another is named -> `configuration_file` -> `Configuration`. Whatever
cannot be simulated is refused with the key's path and the reason. docs/simulators.md is the reference of the keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from afterstate.phase_key import DEFAULT, END
from simulators.errors import ConfigurationError
from simulators.nand.configuration_file import (
    ConfigurationFile,
    Distributions,
    PoliciesPart,
    TopologyPart,
    read_part,
    read_yaml,
    refuse,
)
from simulators.nand.op_configuration import check_families, find_resumes, make_base, make_batches
from simulators.nand.operations import Batch, OpBase

FOLDER = Path(__file__).parent
DEFAULT_FILE, PRESETS_FILE = FOLDER / "default.yaml", FOLDER / "presets.yaml"
# `default` is the distribution of the configuration itself; the others are in presets.yaml.
PRESETS = ("erase-only", "mix", "pgm-read", "default")
# How far a sum of probabilities may be from 1: the noise of adding decimal fractions.
TOLERANCE = 1e-9

Distribution = tuple[tuple[str, float], ...]  # (op_name, probability)


@dataclass(frozen=True)
class Topology:
    """How many there are of what; `bad_blocks` are (die, plane, block). Dies share the channels' buses in turn."""

    dies: int = 1
    planes: int = 1
    blocks: int = 1
    pages_per_block: int = 1
    channels: int = 1
    bad_blocks: frozenset[tuple[int, int, int]] = frozenset()


@dataclass(frozen=True)
class Policies:
    """How the scheduler behaves; times in ticks."""

    refill_ticks: int
    hook_after_end_ticks: int
    admission_window_ticks: int
    max_suspend_ticks: int
    resume_to_suspend_ticks: int
    max_tries: int
    initially_erased_blocks: int


@dataclass(frozen=True)
class Configuration:
    """What a simulation needs to know; `resumes` names the operation that goes on with a family's suspended work."""

    topology: Topology
    policies: Policies
    batches: dict[str, Batch]
    phase_conditional: dict[str, Distribution]
    resumes: dict[str, str]


def load_configuration(file: Path | None = None, preset: str = "default") -> Configuration:
    """Read a configuration file, the packaged one by default, with the distributions of a preset.

    `preset` is `default`, which keeps the file's own, or one of PRESETS. Raises ConfigurationError for another one and
    for what cannot be simulated, and OSError for a file that cannot be read.
    """
    configuration = parse(read_yaml(file or DEFAULT_FILE))
    if preset == "default":
        return configuration
    presets = read_yaml(PRESETS_FILE)
    if preset not in presets:
        raise ConfigurationError("--pc-demo", f"`{preset}` is unknown; expected one of {', '.join(PRESETS)}")
    bases = [op.base for batch in configuration.batches.values() for op in batch.items]
    return replace(
        configuration, phase_conditional=_distributions(preset, presets[preset], configuration.batches, bases)
    )


def parse(values: Any) -> Configuration:
    """Return the configuration that a file's values state.

    Raises ConfigurationError for the first thing that cannot be simulated.
    """
    file = read_part(ConfigurationFile, values)
    topology = _topology(file.topology)
    bases = {name: make_base(name, part) for name, part in file.op_bases.items()}
    check_families(bases)
    batches = make_batches(file.op_names, bases, topology.planes)
    return Configuration(
        topology,
        _policies(file.policies, topology),
        batches,
        _distributions("phase_conditional", file.phase_conditional, batches, bases.values()),
        find_resumes(batches),
    )


def _topology(part: TopologyPart) -> Topology:
    if part.channels > part.dies:
        raise refuse(f"{part.channels} is out of range; expected 1 to {part.dies}", "topology", "channels")
    bad: set[tuple[int, int, int]] = set()
    for number, entry in enumerate(part.bad_blocks):
        path = ("topology", "bad_blocks", number)
        _require_below(entry.die, part.dies, *path, "die")
        _require_below(entry.plane, part.planes, *path, "plane")
        for at, block in enumerate(entry.blocks):
            _require_below(block, part.blocks, *path, "blocks", at)
        bad.update((entry.die, entry.plane, block) for block in entry.blocks)
        if sum((entry.die, entry.plane, block) in bad for block in range(part.blocks)) == part.blocks:
            raise refuse(f"die {entry.die} plane {entry.plane} has no good block left", *path, "blocks")
    return Topology(part.dies, part.planes, part.blocks, part.pages_per_block, part.channels, frozenset(bad))


def _require_below(value: int, limit: int, *path: str | int) -> None:
    if value >= limit:
        raise refuse(f"{value} is out of range; expected 0 to {limit - 1}", *path)


def _policies(part: PoliciesPart, topology: Topology) -> Policies:
    _require_below(part.initially_erased_blocks, topology.blocks + 1, "policies", "initially_erased_blocks")
    return Policies(
        refill_ticks=int(part.refill_us),
        hook_after_end_ticks=int(part.hook_after_end_us),
        admission_window_ticks=int(part.admission_window_us),
        max_suspend_ticks=int(part.max_suspend_us),
        resume_to_suspend_ticks=int(part.resume_to_suspend_us),
        max_tries=part.max_tries,
        initially_erased_blocks=part.initially_erased_blocks,
    )


def _distributions(
    path: str, values: Distributions, names: Collection[str], bases: Iterable[OpBase]
) -> dict[str, Distribution]:
    """Return the distribution of each phase key, from what stands at a path."""
    keys = {state.key for base in bases for state in base.states}
    if DEFAULT not in values:
        raise refuse(f"the key {DEFAULT} is missing, which holds wherever no other does", path)
    for key in values:
        if key.endswith(f".{END}"):
            raise refuse(f"`<BASE>.{END}` is for analysis only; the proposer never sees it", path, key)
        if key != DEFAULT and key not in keys:
            raise refuse("there is no such state in op_bases; expected DEFAULT or `<BASE>.<STATE>`", path, key)
    return {key: _distribution(shares, names, path, key) for key, shares in values.items()}


def _distribution(shares: dict[str, float], names: Collection[str], *path: str) -> Distribution:
    for name in shares:
        if name not in names:
            raise refuse(f"`{name}` is not in op_names; expected one of {', '.join(sorted(names))}", *path, name)
    total = sum(shares.values())
    if abs(total - 1) > TOLERANCE:
        raise refuse(f"the probabilities add up to {total:.9g}; expected 1", *path)
    return tuple((name, share) for name, share in shares.items() if share)
