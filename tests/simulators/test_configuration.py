"""What cannot be simulated is refused, with the key's path and the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulators.errors import ConfigurationError
from simulators.nand.configuration import PRESETS, load_configuration, parse
from simulators.nand.configuration_file import read_yaml
from tests.simulators.nand import configured

ERASE = "op_bases__ERASE__states"
BUSY = {"name": "CORE_BUSY", "duration_us": 10.0}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"topology__dies": 0}, "topology.dies", "0 is out of range; expected at least 1"),
    ({"topology__dies": 1.5}, "topology.dies", "`1.5` is not a whole number"),
    ({"topology__dies": True}, "topology.dies", "`True` is not a whole number"),
    ({"topology__channels": 5}, "topology.channels", "5 is out of range; expected 1 to 4"),
    ({"topology__colour": "red"}, "topology.colour", "there is no such key; expected one of bad_blocks, blocks"),
    (
        {"topology__bad_blocks": [{"die": 0, "plane": 1, "blocks": [3, 64]}]},
        "topology.bad_blocks[0].blocks[1]",
        "64 is out of range; expected 0 to 63",
    ),
    ({"topology__bad_blocks": [{"die": 4, "plane": 0, "blocks": []}]}, "topology.bad_blocks[0].die", "0 to 3"),
    (
        {"topology__bad_blocks": [{"die": 0, "plane": 0, "blocks": list(range(64))}]},
        "topology.bad_blocks[0].blocks",
        "die 0 plane 0 has no good block left",
    ),
    ({"topology__bad_blocks": 7}, "topology.bad_blocks", "`7` is not a list"),
    ({"policies__refill_us": 0.0}, "policies.refill_us", "0.0 µs is shorter than a tick of 0.01 µs"),
    ({"policies__max_tries": -1}, "policies.max_tries", "-1 is out of range"),
    ({"policies__max_suspend_us": float("inf")}, "policies.max_suspend_us", "`inf` is not a finite number"),
    ({"policies__max_suspend_us": 1e300}, "policies.max_suspend_us", "is not a time"),
    ({"policies__initially_erased_blocks": 65}, "policies.initially_erased_blocks", "65 is out of range"),
    ({"policies": None}, "policies", "`None` is not a mapping"),
    ({ERASE: [BUSY | {"duration_us": -3.0}]}, "op_bases.ERASE.states[0].duration_us", "-3.0 is negative"),
    ({ERASE: [BUSY, BUSY]}, "op_bases.ERASE.states", "the state `CORE_BUSY` is stated twice"),
    ({ERASE: [BUSY | {"duration_us": 0.004}]}, "op_bases.ERASE.states[0].duration_us", "shorter than a tick"),
    (
        {ERASE: [BUSY | {"duration_us": "long"}]},
        "op_bases.ERASE.states[0].duration_us",
        "`long` is not a finite number",
    ),
    ({ERASE: [{"name": "CORE_BUSY"}]}, "op_bases.ERASE.states[0].duration_us", "the key is missing"),
    ({ERASE: [BUSY | {"name": "END"}]}, "op_bases.ERASE.states[0].name", "it names no state"),
    ({ERASE: [BUSY | {"name": "CORE.BUSY"}]}, "op_bases.ERASE.states[0].name", "`CORE.BUSY` is not a name"),
    ({ERASE: [BUSY | {"hooks_us": [10.0]}]}, "op_bases.ERASE.states[0].hooks_us[0]", "is not inside the state"),
    (
        {ERASE: [BUSY | {"bus": True, "suspendable": True}]},
        "op_bases.ERASE.states[0].suspendable",
        "a state that uses the bus cannot be suspended",
    ),
    ({ERASE: []}, "op_bases.ERASE.states", "only a base of scope `bus` and access `none` may do nothing"),
    ({"op_bases__ERASE__scope": "chip"}, "op_bases.ERASE.scope", "`chip` is unknown; expected one of plane, die, bus"),
    ({"op_bases__ERASE__access": "wipe"}, "op_bases.ERASE.access", "`wipe` is unknown"),
    ({"op_bases__READ__scope": "die"}, "op_bases.READ.access", "`read` needs scope `plane`"),
    ({"op_bases__RESET__family": "PROGRAM"}, "op_bases.RESET.family", "only work of scope `plane` can be suspended"),
    ({"op_bases__ERASE_SUSPEND__suspends": "READ"}, "op_bases.ERASE_SUSPEND.suspends", "`READ` is the family of no"),
    ({"op_bases__ERASE_SUSPEND__scope": "bus"}, "op_bases.ERASE_SUSPEND.scope", "for its whole die"),
    ({"op_bases__ERASE_SUSPEND__resumes": "ERASE"}, "op_bases.ERASE_SUSPEND.resumes", "not both"),
    ({"op_bases__ERASE__allowed_while_suspended": True}, "op_bases.ERASE.allowed_while_suspended", "no other work"),
    ({"op_bases__ERASE__allowed_while_suspended": "yes"}, "op_bases.ERASE.allowed_while_suspended", "neither true"),
    ({"op_names__Reset": {"base": "RESTART"}}, "op_names.Reset.base", "`RESTART` is unknown"),
    ({"op_names__Block_Erase": {"base": "ERASE", "planes": 3}}, "op_names.Block_Erase.planes", "3 is out of range"),
    ({"op_names__Reset": {"base": "RESET", "planes": 2}}, "op_names.Reset.planes", "has no planes of its own"),
    ({"op_names__Page_Program_TLC": {"base": "PROGRAM_TLC"}}, "op_names.Page_Program_TLC", "needs a `celltype`"),
    ({"op_names__Page,Read": {"base": "READ"}}, "op_names.Page,Read", "`Page,Read` is not a name"),
    (
        {"op_names__Cache_Program_SLC__then": ["Page_Program_TLC"]},
        "op_names.Cache_Program_SLC.then[0]",
        "`Page_Program_TLC` has other planes, cell type or family",
    ),
    ({"op_names__Cache_Program_SLC__then": ["Reset"]}, "op_names.Cache_Program_SLC.then[0]", "of scope `plane` follow"),
    ({"op_names__Erase_Resume__base": "PROGRAM_RESUME"}, "op_names.Erase_Suspend", "its work would never finish"),
    (
        {"phase_conditional__DEFAULT": {"Delay": 0.5, "Reset": 0.45}},
        "phase_conditional.DEFAULT",
        "the probabilities add up to 0.95; expected 1",
    ),
    ({"phase_conditional__DEFAULT": {"Delay": 1.5, "Reset": -0.5}}, "phase_conditional.DEFAULT.Reset", "is negative"),
    ({"phase_conditional__DEFAULT": {"Sleep": 1.0}}, "phase_conditional.DEFAULT.Sleep", "is not in op_names"),
    ({"phase_conditional": {"READ.CORE_BUSY": {"Delay": 1.0}}}, "phase_conditional", "the key DEFAULT is missing"),
    ({"phase_conditional__READ.WAIT": {"Delay": 1.0}}, "phase_conditional.READ.WAIT", "there is no such state"),
    ({"phase_conditional__READ.END": {"Delay": 1.0}}, "phase_conditional.READ.END", "is for analysis only"),
    ({"extras": {}}, "extras", "there is no such key"),
]


@pytest.mark.parametrize(("changes", "path", "reason"), REFUSED, ids=[f"{path}: {why}" for _, path, why in REFUSED])
def test_what_cannot_be_simulated_is_refused(changes: dict[str, Any], path: str, reason: str) -> None:
    """Prevents a slip in a configuration that is simulated as something else, or ends in a traceback."""
    with pytest.raises(ConfigurationError) as refused:
        configured(**changes)
    assert refused.value.path == path
    assert reason in refused.value.reason
    assert str(refused.value) == f"{path}: {refused.value.reason}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"topology: [", "this is not YAML"),
        (b"topology: \xff", "this is not UTF-8 text"),
        (b"a: 1\na: 2\n", "line 2: `a` is stated twice"),
        (b"", "`None` is not a mapping"),
        (b"1: 2", "the key `1` is not text"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: bytes, reason: str) -> None:
    """Prevents a broken file from being half-read, and the first of two equal keys from being lost."""
    (tmp_path / "nand.yaml").write_bytes(text)
    with pytest.raises(ConfigurationError, match=reason):
        parse(read_yaml(tmp_path / "nand.yaml"))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_simulated(preset: str) -> None:
    """Prevents a preset that the packaged operations do not fit."""
    assert "DEFAULT" in load_configuration(preset=preset).phase_conditional


def test_a_preset_goes_with_operations_of_ones_own(tmp_path: Path) -> None:
    """Prevents a preset over a configuration that lacks its operations, found only half-way through a run."""
    text = (Path(__file__).parents[2] / "simulators" / "nand" / "default.yaml").read_text(encoding="utf-8")
    file = tmp_path / "nand.yaml"
    file.write_text(text.replace("dies: 4", "dies: 3"), encoding="utf-8")
    assert load_configuration(file, "mix").topology.dies == 3
    file.write_text(
        text.replace("  MultiPlane_Block_Erase: {base: ERASE, planes: 2}\n", "")
        .replace("    MultiPlane_Block_Erase: 0.01\n", "")
        .replace("    Block_Erase: 0.03", "    Block_Erase: 0.04"),
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=r"erase-only\.DEFAULT\.MultiPlane_Block_Erase: .* is not in op_names"):
        load_configuration(file, "erase-only")
