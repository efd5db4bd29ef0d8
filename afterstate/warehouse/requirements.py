"""What a server must be set to, since no session can set it for itself; `up` refuses a server without, `doctor` tells.

All else that matters (SQL mode, time zone, character set, collation, storage engine, sort buffers) is set by
each session, and by the DDL of each schema and table, so that a server's defaults do not matter. `local_infile` is a
matter of speed: where it is off, landing goes by INSERT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from afterstate.errors import ServerError

MIB = 1 << 20
LEAST_PACKET = 16 * MIB
# Where statements that run side by side need more, MySQL 9.7 takes their temporary tables to disk and ends some of them
# in error 1146, "Table './#sql…' doesn't exist" (2 of 8 builds with 2 MiB).
LEAST_TEMPTABLE_RAM = 64 * MIB
VARIABLES = ("local_infile", "max_allowed_packet", "temptable_max_ram")
FASTER_LANDING = "with local_infile on, landing goes by LOAD DATA, two to three times as fast"
SWITCH_ON = "as an administrator: set global local_infile = on;  -- and in the server's option file"


@dataclass(frozen=True)
class Unmet:
    """A setting that keeps the warehouse from working, and how to fix it."""

    variable: str
    what: str
    fix: str


def server_variables(cursor: Any, names: tuple[str, ...]) -> dict[str, str]:
    """Return global settings of the server, as new sessions get them."""
    cursor.execute("show global variables where variable_name in %s", (names,))
    return dict(cursor.fetchall())


def unmet(variables: Mapping[str, str]) -> Iterator[Unmet]:
    """Yield what is not as it must be."""
    packet = int(variables["max_allowed_packet"])
    if packet < LEAST_PACKET:
        fix = "set global max_allowed_packet = 268435456;  -- and in the server's option file"
        yield Unmet("max_allowed_packet", f"max_allowed_packet is {packet} bytes: long fields do not fit", fix)
    temporary = int(variables.get("temptable_max_ram", LEAST_TEMPTABLE_RAM))  # MariaDB has no such limit
    if temporary < LEAST_TEMPTABLE_RAM:
        fix = "set global temptable_max_ram = 1073741824;  -- and in the server's option file"
        yield Unmet("temptable_max_ram", f"temptable_max_ram is {temporary} bytes: builds fail intermittently", fix)


def require_settings(cursor: Any) -> None:
    """Raise ServerError when the server is set up in a way that cannot work, with all that is to be fixed."""
    found = list(unmet(server_variables(cursor, VARIABLES)))
    if found:
        raise ServerError("; ".join(item.what for item in found), "\n  ".join(item.fix for item in found))
