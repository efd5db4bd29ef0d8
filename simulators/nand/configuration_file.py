"""A configuration file as it is written: which keys there are, and what values they take (docs/simulators.md).

Data flow: YAML text -> plain values -> pydantic's models below, which say what a value must be by itself. What values
must be to each other is in `configuration` and `op_configuration`. Times are µs in the file and ticks in the models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from afterstate.phase_key import tick
from simulators.errors import ConfigurationError
from simulators.nand.operations import Access, Scope

# Names stand in file rows and log lines as they are, and fit the landing tables' columns.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_A_NAME = "expected a letter, then letters, digits, `_` and `-`, 64 at most"

P = TypeVar("P", bound="Part")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PydanticCustomError("name", "is not a name")
    return text


def _ticks(time_us: float) -> int:
    try:
        return tick(time_us)
    except ValueError as error:
        raise PydanticCustomError("time", "{reason}", {"reason": str(error)}) from error


def _some_ticks(time_us: float) -> int:
    if not (ticks := _ticks(time_us)):
        raise PydanticCustomError("time", "{reason}", {"reason": f"{time_us} µs is shorter than a tick of 0.01 µs"})
    return ticks


Name = Annotated[str, AfterValidator(_name)]
Ticks = Annotated[float, Field(ge=0), AfterValidator(_ticks)]
SomeTicks = Annotated[float, Field(ge=0), AfterValidator(_some_ticks)]
AtLeastOne = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """A mapping with these keys and no others; a value is what it is written as, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class BadBlocks(Part):
    """Blocks of one plane that are never used."""

    die: Number
    plane: Number
    blocks: list[Number]


class TopologyPart(Part):
    """How many there are of what."""

    dies: AtLeastOne
    planes: AtLeastOne
    blocks: AtLeastOne
    pages_per_block: AtLeastOne
    channels: AtLeastOne = 1
    bad_blocks: list[BadBlocks] = []


class PoliciesPart(Part):
    """How the scheduler behaves."""

    refill_us: SomeTicks
    hook_after_end_us: Ticks
    admission_window_us: Ticks
    max_suspend_us: Ticks
    resume_to_suspend_us: Ticks
    max_tries: AtLeastOne
    initially_erased_blocks: Number


class StatePart(Part):
    """One state of an operation, and the times in it at which the proposer is asked."""

    name: Name
    duration_us: SomeTicks
    bus: bool = False
    suspendable: bool = False
    hooks_us: list[Ticks] = []


class OpBasePart(Part):
    """An operation base: its states in their order, and what it does to planes and to other work."""

    states: list[StatePart]
    scope: Scope = "plane"
    access: Access = "none"
    family: Name = ""
    suspends: Name = ""
    resumes: Name = ""
    allowed_while_suspended: bool = False


class OpNamePart(Part):
    """An operation as it is proposed, and those that follow it in a batch."""

    base: str
    celltype: Name = ""
    planes: AtLeastOne = 1
    then: list[str] = []


Distributions = dict[str, dict[str, Share]]


class ConfigurationFile(Part):
    """All keys of a configuration file."""

    topology: TopologyPart
    policies: PoliciesPart
    op_bases: dict[Name, OpBasePart]
    op_names: dict[Name, OpNamePart]
    phase_conditional: Distributions


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping states twice: YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ConfigurationError("", f"line {key_node.start_mark.line + 1}: `{key}` is stated twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(file: Path) -> Any:
    """Return a YAML file's values. Raises ConfigurationError where it is not YAML, OSError where it cannot be read."""
    try:
        return yaml.load(file.read_text(encoding="utf-8-sig"), Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ConfigurationError("", f"this is not YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("", f"this is not UTF-8 text: {error}") from error


def read_part(part: type[P], values: Any) -> P:
    """Return a part of a configuration.

    Raises ConfigurationError, with the path of the key, for the first value that is wrong; a key that does not exist
    comes before those that are missing, since it may be one of them, misspelled.
    """
    try:
        return part.model_validate(values)
    except ValidationError as found:
        first = min(found.errors(), key=lambda error: error["type"] not in ("extra_forbidden", "invalid_key"))
        _refuse(part, first)


def refuse(reason: str, *path: str | int) -> ConfigurationError:
    """Return the error for the key at a path of names and list positions."""
    names = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return ConfigurationError(names.removeprefix("."), reason)


def _refuse(part: type[Part], error: ErrorDetails) -> NoReturn:
    path, value, kind = error["loc"], error["input"], error["type"]
    if kind == "invalid_key" or (kind == "string_type" and path[-1] == "[key]"):
        key = path[-1] if kind == "invalid_key" else path[-2]
        raise refuse(f"the key `{key}` is not text; quote it", *path[: -1 if kind == "invalid_key" else -2])
    if kind == "extra_forbidden":
        known = ", ".join(sorted(_fields_at(part, path[:-1])))
        raise refuse(f"there is no such key; expected one of {known}", *path)
    context = error.get("ctx", {})
    reason = _REASONS[kind](value, context) if kind in _REASONS else str(context.get("reason", error["msg"]))
    raise refuse(reason, *(step for step in path if step != "[key]"))


def _fields_at(part: Any, path: tuple[str | int, ...]) -> list[str]:
    """Return the keys of the part at a path."""
    for step in path:
        part = part.model_fields[step].annotation if hasattr(part, "model_fields") else get_args(part)[-1]
    return list(part.model_fields)


def _too_small(value: Any, context: dict[str, Any]) -> str:
    if isinstance(value, float):
        return f"{value} is negative; expected at least {context['ge']:g}"
    return f"{value} is out of range; expected at least {context['ge']:g}"


def _not(what: str) -> Callable[[Any, dict[str, Any]], str]:
    return lambda value, _context: f"`{value}` {what}"


_REASONS: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "missing": lambda _value, _context: "the key is missing",
    "model_type": _not("is not a mapping"),
    "dict_type": _not("is not a mapping"),
    "list_type": _not("is not a list"),
    "int_type": _not("is not a whole number"),
    "float_type": _not("is not a finite number"),
    "finite_number": _not("is not a finite number"),
    "bool_type": _not("is neither true nor false"),
    "string_type": _not(f"is not a name; {_A_NAME}"),
    "name": _not(f"is not a name; {_A_NAME}"),
    "greater_than_equal": _too_small,
    "literal_error": lambda value, context: (
        f"`{value}` is unknown; expected one of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
    ),
}
