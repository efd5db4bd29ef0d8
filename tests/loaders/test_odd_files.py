"""Hundreds of odd files: what cannot land is rejected with its place and reason, all else lands value for value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conftest import Server
from tests.loaders.helpers import another_warehouse
from tests.loaders.odd.expect import Landed, OddFile, Rejected, Value
from tests.loaders.odd.kinds import LONG
from tests.loaders.odd.outcome import Landing, Outcome, land_all
from tests.loaders.odd.report import PAGE, page
from tests.loaders.odd_files import odd_files

SHOWN = 40
MISSING = object()


@pytest.fixture(scope="module")
def landing(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    return land_all(another_warehouse(server, tmp_path_factory.mktemp("odd")), odd_files())


def complain(problems: list[str]) -> None:
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:SHOWN])


def test_there_are_hundreds() -> None:
    """Prevents two odd files from being one, and the rules that make them from making less than is promised."""
    files = odd_files()
    assert len({file.name for file in files}) == len(files) >= 300
    landed = [file.sha256 for file in files if file.has_load]
    assert len(set(landed)) == len(landed) >= 300


def test_each_file_is_landed_ignored_or_failed_as_it_should(landing: Landing) -> None:
    """Prevents a file of ours from being passed over, a stranger's from failing, and a failure without a reason."""
    problems = []
    for path, (file, found) in landing.found.items():
        rejected = sum(isinstance(row, Rejected) for row in file.rows)
        result = found.result
        kind = file.kind if file.has_load else result["kind"]
        expected = (file.status, kind, len(file.rows), len(file.rows) - rejected, rejected)
        got = tuple(result[name] for name in ("status", "kind", "rows_read", "rows_landed", "rows_rejected"))
        if got != expected:
            problems.append(f"{file.name} ({file.odd}): {got}, expected {expected}; {found.said}")
        elif file.says and not re.search(file.says, found.said):
            problems.append(f"{file.name} ({file.odd}): said `{found.said}`, expected `{file.says}`")
        elif not file.has_load and not found.said:
            problems.append(f"{file.name} ({file.odd}): nothing is said of it by its name")
        elif file.has_load and found.sha256 != file.sha256:
            problems.append(f"{file.name}: known by {found.sha256}, expected {file.sha256}")
        elif not file.has_load and result["load_id"] is not None:
            problems.append(f"{path}: has a load, and did not land")
    complain(problems)


def test_each_row_lands_value_for_value_or_is_rejected_by_name(landing: Landing) -> None:
    """Prevents a lost row, a changed value, and a reject that does not say where it stood, what it was and why."""
    complain(
        [
            f"{file.name} ({file.odd}): {problem}"
            for file, found in landing.found.values()
            if (problem := first_difference(file, found))
        ]
    )


def first_difference(file: OddFile, found: Outcome) -> str | None:
    """Say how the first row that is not as it should be differs; None when all of the file is well."""
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
    """Say how a row differs from what it should have become; None when it does not."""
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
    return value.hex() if isinstance(value, float) else (type(value), value)


def test_the_command_keeps_its_manners(landing: Landing) -> None:
    """Prevents a traceback, an exit code that hides the failures, and a landing again that does something."""
    statuses = [file.status for file, _ in landing.found.values()]
    for call in (landing.first, landing.again):
        assert "Traceback" not in call.stdout + call.stderr
        assert call.exit_code == (1 if "failed" in statuses else 0)
    last = landing.again.stdout.splitlines()[-1].replace(",", "")
    assert f"files: {statuses.count('landed') + statuses.count('rejected')} unchanged " in last
    assert landing.contents[0] == landing.contents[1]


def test_nothing_is_executed(landing: Landing) -> None:
    """Prevents a statement in a value, a column or a file's name from being executed, by the server or a shell."""
    before, after = landing.inventory
    assert len(before) > 100
    assert before == after


@pytest.mark.skipif(LONG, reason="AFTERSTATE_LONG_TESTS=1 lands other files than the page has; without it, this runs")
def test_the_page_says_what_happens(landing: Landing) -> None:
    """Prevents docs/odd-files.md from promising what is no longer so; `script/odd-files` writes it anew."""
    written, now = (text.splitlines() for text in (PAGE.read_text(encoding="utf-8"), page(landing)))
    assert [line for line in now if line not in written] == []
    assert written == now
