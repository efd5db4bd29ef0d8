"""A simulation's configuration: topology, policies, operations and the proposer's distributions.

Data flow: a YAML file, `default.yaml` unless another is named -> `Checked` values -> `Configuration`. Whatever cannot
be simulated is refused with the key's path and the reason. docs/simulators.md is the reference of the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from afterstate.phase_key import DEFAULT, END
from simulators.errors import ConfigurationError
from simulators.nand.checked import Checked, read_yaml
from simulators.nand.op_configuration import check_families, find_resumes, read_base, read_batches
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

    Raises ConfigurationError for what cannot be simulated, and OSError for a file that cannot be read.
    """
    configuration = parse(read_yaml(file or DEFAULT_FILE))
    if preset == "default":
        return configuration
    presets = read_yaml(PRESETS_FILE).entries()
    if preset not in presets:
        raise ConfigurationError("--pc-demo", f"`{preset}` is unknown; expected one of {', '.join(PRESETS)}")
    keys = {name for batch in configuration.batches.values() for op in batch.items for name in _keys(op.base)}
    return replace(configuration, phase_conditional=_distributions(presets[preset], set(configuration.batches), keys))


def parse(root: Checked) -> Configuration:
    """Check all of a configuration. Raises ConfigurationError for the first thing that cannot be simulated."""
    parts = root.fields(["topology", "policies", "op_bases", "op_names", "phase_conditional"])
    topology = _topology(parts["topology"])
    bases = {key: read_base(key, value) for key, value in parts["op_bases"].entries().items()}
    check_families(parts["op_bases"], bases)
    batches = read_batches(parts["op_names"], bases, topology.planes)
    return Configuration(
        topology,
        _policies(parts["policies"], topology),
        batches,
        _distributions(
            parts["phase_conditional"], set(batches), {key for base in bases.values() for key in _keys(base)}
        ),
        find_resumes(parts["op_names"], batches),
    )


def _topology(value: Checked) -> Topology:
    found = value.fields(["dies", "planes", "blocks", "pages_per_block"], ["channels", "bad_blocks"])
    dies, planes, blocks, pages = (found[key].integer(1) for key in ("dies", "planes", "blocks", "pages_per_block"))
    channels = found["channels"].integer(1, dies + 1) if "channels" in found else 1
    bad: set[tuple[int, int, int]] = set()
    for entry in found["bad_blocks"].items() if "bad_blocks" in found else ():
        place = entry.fields(["die", "plane", "blocks"])
        die, plane = place["die"].integer(0, dies), place["plane"].integer(0, planes)
        bad.update((die, plane, block.integer(0, blocks)) for block in place["blocks"].items())
        if sum((die, plane, block) in bad for block in range(blocks)) == blocks:
            raise place["blocks"].refuse(f"die {die} plane {plane} has no good block left")
    return Topology(dies, planes, blocks, pages, channels, frozenset(bad))


def _policies(value: Checked, topology: Topology) -> Policies:
    times = ("refill_us", "hook_after_end_us", "admission_window_us", "max_suspend_us", "resume_to_suspend_us")
    found = value.fields([*times, "max_tries", "initially_erased_blocks"])
    return Policies(
        refill_ticks=found["refill_us"].ticks(lowest=1),
        hook_after_end_ticks=found["hook_after_end_us"].ticks(),
        admission_window_ticks=found["admission_window_us"].ticks(),
        max_suspend_ticks=found["max_suspend_us"].ticks(),
        resume_to_suspend_ticks=found["resume_to_suspend_us"].ticks(),
        max_tries=found["max_tries"].integer(1),
        initially_erased_blocks=found["initially_erased_blocks"].integer(0, topology.blocks + 1),
    )


def _keys(base: OpBase) -> list[str]:
    return [state.key for state in base.states]


def _distributions(value: Checked, names: set[str], keys: set[str]) -> dict[str, Distribution]:
    found = value.entries()
    if DEFAULT not in found:
        raise value.refuse(f"the key {DEFAULT} is missing, which holds wherever no other does")
    for key, entry in found.items():
        if key.endswith(f".{END}"):
            raise entry.refuse(f"`<BASE>.{END}` is for analysis only; the proposer never sees it")
        if key != DEFAULT and key not in keys:
            raise entry.refuse("there is no such state in op_bases; expected DEFAULT or `<BASE>.<STATE>`")
    return {key: _distribution(entry, names) for key, entry in found.items()}


def _distribution(entry: Checked, names: set[str]) -> Distribution:
    shares = {}
    for name, share in entry.entries().items():
        if name not in names:
            raise share.refuse(f"`{name}` is not in op_names; expected one of {', '.join(sorted(names))}")
        shares[name] = share.number()
    total = sum(shares.values())
    if abs(total - 1) > TOLERANCE:
        raise entry.refuse(f"the probabilities add up to {total:.9g}; expected 1")
    return tuple((name, share) for name, share in shares.items() if share)
