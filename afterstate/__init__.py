"""What people run and import. The warehouse remembers the state a system was in at the moment that mattered.

Rooms: `cli` is the command line, `warehouse` what a warehouse needs to stand (profile, accounts, connections), `server`
the private server, `marts` look-ups and exports, `memory` what is remembered and carried elsewhere, `report` and
`explain` what there is to look at. `phase_key` is the rule of virtual END. Landing is in `loaders`, the rest is SQL.

What users import, they import from here; each name is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.3.0"

_WHERE = {
    "RowsRejected": "loaders.notebook",
    "build": "afterstate.warehouse.dbt",
    "land": "loaders.notebook",
    "land_frame": "loaders.notebook",
    "land_simulation": "loaders.memory",
    "phase_key_at": "afterstate.marts.phase_key",
    "read": "afterstate.marts.read",
}
__all__ = ["__version__", *sorted(_WHERE)]


def __getattr__(name: str) -> Any:
    """Return a public name from the module that has it."""
    if name not in _WHERE:
        raise AttributeError(f"module `afterstate` has no attribute `{name}`; it has {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """Return the public names, so that a notebook completes them."""
    return __all__
