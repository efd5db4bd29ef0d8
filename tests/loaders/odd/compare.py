"""How a file's rows in the landing tables differ from what should have become of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.loaders.odd.expect import Landed, OddFile, Rejected, Value
from tests.loaders.odd.outcome import Outcome

MISSING = object()


def first_difference(file: OddFile, found: Outcome) -> str | None:
    """Return how the first row that is not as it should be differs; None when all of the file is well."""
    rows = {row["_row_no"]: row for row in found.rows}
    rejects = {row["row_no"]: row for row in found.rejects}
    for number, expected in enumerate(file.rows, start=1):
        problem = difference(expected, rows.get(number), rejects.get(number))
        if problem:
            return f"row {number}: {problem}"
    if set(rows) & set(rejects) or len(rows) + len(rejects) != len(file.rows):
        return "has rows that are in no file, or that landed and were rejected at once"
    return None


def difference(expected: Landed | Rejected, row: dict[str, Any] | None, reject: dict[str, Any] | None) -> str | None:
    """Return how a row differs from what it should have become; None when it does not."""
    if isinstance(expected, Landed):
        if row is None:
            return f"is rejected: {reject}"[:400]
        others = json.loads(row["_other_columns"] or "{}")
        got = {**{f"other {name}": text for name, text in others.items()}, "line": row["_line_no"]}
        got |= {name: row[name] for name in expected.values}
        return differences(
            {
                **expected.values,
                **{f"other {name}": text for name, text in expected.others.items()},
                "line": expected.line_no,
            },
            got,
        )
    if reject is None:
        return f"landed, expected a reject that says `{expected.says}` of {expected.column}"
    if not re.match(f"(?:{expected.says})", reject["reason"]):
        return f"the reason is `{reject['reason']}`, expected `{expected.says}`"
    names = {"line_no": "line_no", "column_name": "column", "value": "value", "row_text": "text"}
    return differences(
        {name: getattr(expected, of) for name, of in names.items()}, {name: reject[name] for name in names}
    )


def differences(expected: Mapping[str, Value], got: Mapping[str, Any]) -> str | None:
    """Compare texts, whole numbers and the bits of floats."""
    wrong = [
        f"{name} is {got.get(name, MISSING)!r:.80}, expected {expected.get(name, MISSING)!r:.80}"
        for name in {**expected, **got}
        if exact(got.get(name, MISSING)) != exact(expected.get(name, MISSING))
    ]
    return "; ".join(wrong) or None


def exact(value: Any) -> Any:
    """Return what tells two values apart: the bits of a float, the type of all else."""
    return value.hex() if isinstance(value, float) else (type(value), value)
