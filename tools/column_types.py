"""Compare the models' contracts with what lands: one type for each column, NOT NULL only where landing sees to it.

The landing kinds (`loaders`) are the source. `MADE` says how the warehouse makes the columns that no file has,
`ROWS_OF` of which kind a model's rows come. What could land and not be held is found here, before any build stops:

    python -m tools.column_types       # called by script/lint
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from loaders.proposer_log import FILLED
from loaders.recognise import KINDS, kind_named
from tools.made_columns import LANDED, MADE, OF_EVERY_LOAD, TABLES, Made, like
from tools.problems import report

MODELS = Path(__file__).resolve().parent.parent / "models"
# The kind of which a model's rows come, and the kind of line in a log. A model that is not named here takes for filled
# only what every kind fills.
ROWS_OF: dict[str, tuple[str, str]] = {
    "int_phase_keys__load_contents": ("nand_op_state_timeline", ""),
    "int_phase_keys__segments": ("nand_op_state_timeline", ""),
    "int_phase_keys__stretch_states": ("nand_op_state_timeline", ""),
    "int_phase_keys__stretches": ("nand_op_state_timeline", ""),
    "int_phase_keys__states": ("nand_op_state_timeline", ""),
    "nand_operations": ("nand_operation_timeline", ""),
    "plane_phase_times": ("nand_op_state_timeline", ""),
    "plane_utilisation": ("nand_op_state_timeline", ""),
    "proposal_phase_keys": ("nand_proposal_rows", ""),
    "phase_proposal_counts": ("nand_proposal_rows", ""),
    "op_state_op_name_counts": ("nand_proposal_rows", ""),
    "proposer_log_mismatches": ("nand_proposal_rows", ""),
    "int_phase_keys__decisions": ("nand_proposer_log", "phase_key"),
}
# Models that hold rows of a landing table once more; what has no type of its own there is text here.
COPIES = {"restored_loads": "landing_loads", "restored_rejects": "landing_rejects"}
_AS_TEXT = {"json": "longtext", "char(64)": "varchar(64)"}


def find_problems(models: Path) -> Iterator[str]:
    """Yield what is wrong with the contracts in a folder of models, file first, and with the landed columns."""
    for name, types in LANDED.items():
        if len(set(types.values())) > 1:
            yield f"loaders: `{name}` lands with several types: {types}"
    for path in sorted(models.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            if any("data_type" in column for column in model["columns"]):  # a contract; views have none
                for problem in _problems_of(model):
                    yield f"{path.relative_to(models.parent)}: {problem}"


def _problems_of(model: dict[str, Any]) -> Iterator[str]:
    keys = [each["columns"] for each in model.get("constraints", []) if each["type"] == "primary_key"]
    for column in model["columns"]:
        name, written = column["name"], column["data_type"]
        expected = _type(model["name"], name)
        if expected is None:
            yield f"`{name}` is in no file that lands; say in tools/made_columns.py how it is made"
            continue
        if written != expected:
            yield f"`{name}` is {written}, expected {expected}"
        is_key = any(name in key for key in keys)
        if is_key or any(constraint["type"] == "not_null" for constraint in column.get("constraints", [])):
            may_be_null = _may_be_null(model["name"], name)
            if may_be_null:
                yield f"`{name}` is NOT NULL, but {may_be_null}"


def _made(model: str, column: str) -> Made | None:
    return MADE.get(f"{model}.{column}") or MADE.get(column)


def _type(model: str, column: str) -> str | None:
    """Return the one type of a column: that with which it lands, else that with which it is made."""
    copied = TABLES[COPIES[model]].get(column) if model in COPIES else None
    if copied:
        return _AS_TEXT.get(copied, copied)
    if column in LANDED:
        return like(column)
    made = _made(model, column)
    return made.type if made else None


def _may_be_null(model: str, column: str) -> str:
    """Return why a column may be NULL; empty when landing or the model sees to it that it is not."""
    if model in COPIES:
        return ""
    made = _made(model, column)
    kind, line_kind = ROWS_OF.get(model, ("", ""))
    has_landed = column in {each.name for each in kind_named(kind).columns} if kind else column in LANDED
    if f"{model}.{column}" in MADE or (made and (made.needs == () or not has_landed)):
        if made is None or made.needs is None:
            return "tools/made_columns.py says that it may be NULL"
        return next(filter(None, (_may_land_empty(name, kind, line_kind) for name in made.needs)), "")
    return _may_land_empty(column, kind, line_kind)


def _may_land_empty(column: str, kind: str, line_kind: str) -> str:
    """Return which kind lands rows that leave a column empty; an empty text when none does."""
    if column in (*OF_EVERY_LOAD, "row_no", "line_no") or column in FILLED.get(line_kind, ()):
        return ""
    for each in KINDS:
        is_asked_for = each.name == kind or not kind
        if is_asked_for and column in {known.name for known in each.columns} and each.takes_empty(column):
            return f"{each.name} may leave `{column}` empty"
    return ""


def main() -> int:
    """Print every problem and return the exit code."""
    return report(find_problems(MODELS))


if __name__ == "__main__":
    sys.exit(main())
