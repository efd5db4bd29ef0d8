"""What `afterstate doctor` looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from afterstate.warehouse.engines import Engine
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `level` is ok, note or bad; a bad one keeps something from working."""

    level: str
    what: str
    fix: str = ""


Check = Callable[["CheckContext"], Iterator[Finding]]


@dataclass(frozen=True)
class CheckContext:
    """What the checks look at."""

    settings: Settings
    warehouse: Warehouse
    engine: Engine
    variables: dict[str, str]
