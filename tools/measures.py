"""Compare what a snapshot is made of with what lands, and write its columns into the YAML of the models that show them.

`loaders/core.py` says in `STATE` which columns a snapshot takes from each input, `macros/snapshot_inputs.sql` says the
same to dbt, `models/_docs.md` describes each. Everything else follows: SQL from the macro, YAML from here.
`tools/recipes.py` calls both.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from loaders.core import STATE
from tools.made_columns import LANDED

ALL = tuple(STATE)
# Which inputs' columns each model shows.
MODELS = {
    "models/staging/core/stg_core__shutdown_events.yml": ("event", "fallback", "reservation"),
    "models/staging/core/stg_core__state_trace.yml": ("trace",),
    "models/staging/core/stg_core__fallback_decisions.yml": ("fallback",),
    "models/staging/core/stg_core__reservation_log.yml": ("reservation",),
    "models/audit/history/core_shutdown_events_history.yml": ("event", "fallback", "reservation"),
    "models/audit/history/core_state_trace_history.yml": ("trace",),
    "models/audit/history/core_fallback_decisions_history.yml": ("fallback",),
    "models/audit/history/core_reservation_log_history.yml": ("reservation",),
    "models/intermediate/shutdown/int_shutdown__current_states.yml": ALL,
    "models/intermediate/shutdown/int_shutdown__states.yml": ALL,
    "models/marts/shutdown/shutdown_snapshot_memory.yml": ALL,
    "models/marts/shutdown/shutdown_snapshot_retakes.yml": ALL,
    "models/marts/shutdown/shutdown_state_snapshot.yml": ALL,
    "models/marts/shutdown/design_trajectory.yml": ("trace", "fallback", "reservation"),
    "models/marts/governance/shutdown_snapshot_overview.yml": ALL,
}


def find_problems(root: Path) -> Iterator[str]:
    """Yield what is missing or different in a repository, file first."""
    macro = "macros/snapshot_inputs.sql"
    written = _inputs_of_macro(root / macro)
    for name in STATE:
        if written.get(name) != _names(name):
            yield f"{macro}: `{name}` has {written.get(name)}, loaders/core.py has {_names(name)}"
    docs = (root / "models/_docs.md").read_text(encoding="utf-8")
    for column in (column for name in STATE for column in _names(name)):
        if f"{{% docs {column.lower()} %}}" not in docs:
            yield f"models/_docs.md: `{column.lower()}` is not described"
    for path, inputs in MODELS.items():
        for column in _missing(root / path, inputs):
            yield f"{path}: no column `{column}`; `./script/lint --fix` writes it"


def fix(root: Path) -> None:
    """Write the columns that are missing in YAML, each behind the one before it in `STATE`."""
    for path, inputs in MODELS.items():
        file = root / path
        for column in _missing(file, inputs):
            file.write_text(_with_column(file.read_text(encoding="utf-8"), column), encoding="utf-8")


def _names(name: str) -> list[str]:
    return [column.name for column in STATE[name]]


def _inputs_of_macro(path: Path) -> dict[str, list[str]]:
    lists = re.findall(r'^ +"(\w+)": (\[[^\]]*\])', path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: ast.literal_eval(columns) for name, columns in lists}


def _missing(file: Path, inputs: tuple[str, ...]) -> list[str]:
    (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    there = {column["name"] for column in model["columns"]}
    return [name for each in inputs for name in _names(each) if name not in there]


def _with_column(text: str, column: str) -> str:
    """Return the YAML of a model with one column more, in the form in which the one before it is written."""
    all_columns = [name for each in STATE for name in _names(each)]
    before = all_columns[all_columns.index(column) - 1]
    lines = text.splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if re.match(rf" +- {{?name: {before}\b", line))
    indent = lines[start][: lines[start].index("-")]
    end = start + 1
    while end < len(lines) and not lines[end].startswith(f"{indent}- ") and lines[end].startswith(f"{indent} "):
        end += 1
    has_types = any("data_type:" in line for line in lines[start:end])
    parts = [f"name: {column}"]
    if has_types:
        parts.append(f"data_type: {next(iter(LANDED[column].values()))}")
    parts.append(f"description: \"{{{{ doc('{column.lower()}') }}}}\"")
    if lines[start].startswith(f"{indent}- {{"):
        entry = f"{indent}- {{{', '.join(parts)}}}\n"
    else:
        entry = f"{indent}- " + f"\n{indent}  ".join(parts) + "\n"
    return "".join([*lines[:end], entry, *lines[end:]])
