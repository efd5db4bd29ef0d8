"""How many rows a server reads, by its own count: unlike time, it is the same on a busy machine."""

from __future__ import annotations

from typing import Any, Literal


def rows_read(cursor: Any, scope: Literal["session", "global"] = "session") -> int:
    """Return how many rows and index entries were read, those of temporary tables too.

    `session` counts since the cursor's connection began, `global` for all connections since the server started.
    """
    cursor.execute(f"show {scope} status like 'Handler_read%'")
    return sum(int(count) for _, count in cursor.fetchall())
