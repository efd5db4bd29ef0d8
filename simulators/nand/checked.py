"""Values of a configuration file, each with the path that leads to it, so that a refusal can name the key.

Data flow: YAML text -> plain values -> `Checked`, whose methods give a value of the expected type or raise
ConfigurationError. What the values mean is in `configuration`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from afterstate.phase_key import tick
from simulators.errors import ConfigurationError

# Names stand in file rows and log lines as they are, and fit the landing tables' columns.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping states twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ConfigurationError("", f"line {key_node.start_mark.line + 1}: `{key}` is stated twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(file: Path) -> Checked:
    """Read a YAML file. Raises ConfigurationError where it is none, and OSError where it cannot be read."""
    try:
        return Checked(yaml.load(file.read_text(encoding="utf-8-sig"), Loader=_Loader))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ConfigurationError("", f"this is no YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("", f"this is no UTF-8 text: {error}") from error


@dataclass(frozen=True)
class Checked:
    """A value of the configuration and the path of its key."""

    value: Any
    path: str = ""

    def refuse(self, reason: str) -> ConfigurationError:
        """Give the error that names this key."""
        return ConfigurationError(self.path, reason)

    def _below(self, key: str) -> Checked:
        return Checked(self.value.get(key), f"{self.path}.{key}" if self.path else key)

    def fields(self, needed: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Checked]:
        """Give the keys of a mapping that are there; unknown and missing ones are refused."""
        needed, known = set(needed), {*needed, *optional}
        found = self.entries()
        for key, value in found.items():
            if key not in known:
                raise value.refuse(f"there is no such key; expected one of {', '.join(sorted(known))}")
        for key in sorted(needed - set(found)):
            raise self._below(key).refuse("the key is missing")
        return found

    def entries(self) -> dict[str, Checked]:
        """Give all entries of a mapping from names to values."""
        if not isinstance(self.value, dict):
            raise self.refuse(f"`{self.value}` is no mapping")
        for key in self.value:
            if not isinstance(key, str):
                raise self.refuse(f"the key `{key}` is no text; quote it")
        return {key: self._below(key) for key in self.value}

    def items(self) -> Iterator[Checked]:
        """Give the items of a list."""
        if not isinstance(self.value, list):
            raise self.refuse(f"`{self.value}` is no list")
        return (Checked(item, f"{self.path}[{number}]") for number, item in enumerate(self.value))

    def number(self, lowest: float = 0.0) -> float:
        """Give a finite number of at least `lowest`."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(f"`{value}` is no finite number")
        if value < lowest:
            raise self.refuse(f"{value} is {'negative' if lowest == 0 else 'too small'}; expected at least {lowest:g}")
        return float(value)

    def ticks(self, lowest: int = 0) -> int:
        """Give a time in µs as whole ticks, rounded as all times are."""
        try:
            ticks = tick(self.number())
        except ConfigurationError:
            raise
        except ValueError as error:
            raise self.refuse(str(error)) from error
        if ticks < lowest:
            raise self.refuse(f"{self.value} µs is shorter than a tick of 0.01 µs")
        return ticks

    def integer(self, lowest: int = 0, below: int | None = None) -> int:
        """Give a whole number of at least `lowest`, and less than `below`."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refuse(f"`{value}` is no whole number")
        if value < lowest or (below is not None and value >= below):
            limits = f"at least {lowest}" if below is None else f"{lowest} to {below - 1}"
            raise self.refuse(f"{value} is out of range; expected {limits}")
        return int(value)

    def flag(self) -> bool:
        """Give true or false."""
        if not isinstance(self.value, bool):
            raise self.refuse(f"`{self.value}` is neither true nor false")
        return self.value

    def choice(self, choices: Iterable[str]) -> str:
        """Give one of the texts that are valid here."""
        valid = list(choices)
        if self.value not in valid:
            raise self.refuse(f"`{self.value}` is unknown; expected one of {', '.join(valid)}")
        return str(self.value)

    def name(self) -> str:
        """Give the last part of the path's key, or the text itself, as a name that can stand in files."""
        if not isinstance(self.value, str) or not _NAME.fullmatch(self.value):
            raise self.refuse(
                f"`{self.value}` is no name; expected a letter, then letters, digits, `_` and `-`, 64 at most"
            )
        return self.value
