"""What to say of a build whose `--select` matches nothing: dbt makes it a success, with `--quiet` a silent one."""

from __future__ import annotations

from typing import Any

# What depends on earlier runs may well select nothing, as `state:modified` does where nothing was.
BY_EARLIER_RUNS = ("state:", "result:", "source_status:")


def say_nothing_matches(flags: Any, result: Any) -> str:
    """Return what was selected in vain and what can be selected; empty where that is not so.

    `flags` and `result` are dbt's, of a run that is over.
    """
    if flags.WHICH != "build" or result.results:
        return ""
    selected, excluded = (" ".join(map(str, criteria or ())) for criteria in (flags.SELECT, flags.EXCLUDE))
    if not selected or any(method in selected for method in BY_EARLIER_RUNS):
        return ""
    options = f"--select {selected} --exclude {excluded}" if excluded else f"--select {selected}"
    return (
        f"nothing was built: no model, seed or test matches `{options}`\n"
        "  `dbt ls --resource-type model` lists the names of models"
    )
