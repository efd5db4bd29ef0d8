"""What to run when dbt failed for tables that are not built yet: `dbt run` makes no seeds, `--select` what it names."""

from __future__ import annotations

import re
from typing import Any

from afterstate.warehouse.culprit import ERROR

NO_SUCH_TABLE = 1146  # ER_NO_SUCH_TABLE, of both servers
TABLE = re.compile(r"'[^']*\.([^'.]+)'")
MOST_NAMES = 3


def find_advice(task: Any, result: Any) -> str | None:
    """Return what to run for nodes that read models or seeds which are not built yet; None when there are none.

    `task` and `result` are dbt's, of a run that is over.
    """
    built_by_dbt = {node.alias for node in task.manifest.nodes.values()}
    names = [ran.node.name for ran in getattr(result, "results", None) or () if _missing_table(ran) in built_by_dbt]
    if not names:
        return None
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    listed = ", ".join(f"`{name}`" for name in names[:MOST_NAMES])
    return (
        f"some tables that {listed}{more} read from are not built yet\n"
        "  `dbt build` builds everything in order, with the seeds, which `dbt run` leaves out;\n"
        f"  `dbt build --select +{names[0]}` builds one model and all that it reads from"
    )


def _missing_table(ran: Any) -> str | None:
    """Return the name of the table that a node failed for want of."""
    found = ERROR.search(ran.message or "") if str(ran.status) == "error" else None
    table = TABLE.search(found[2]) if found and int(found[1]) == NO_SUCH_TABLE else None
    return table[1] if table else None
