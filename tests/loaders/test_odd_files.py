"""Hundreds of odd files: what cannot land is rejected with its place and reason, all else lands and builds.

Value for value, in the landing tables and in the marts.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loaders.recognise import KINDS
from tests.bench import Bench, Server
from tests.loaders.helpers import another_warehouse, fingerprint
from tests.loaders.odd.built import Built, build_all
from tests.loaders.odd.compare import first_difference
from tests.loaders.odd.expect import Rejected
from tests.loaders.odd.kinds import LONG
from tests.loaders.odd.marts import differences as mart_differences
from tests.loaders.odd.outcome import Landing, land_all
from tests.loaders.odd_files import odd_files
from tests.server.helpers import global_setting
from tools.odd_files import PAGE, page

SHOWN = 40


@pytest.fixture(scope="module")
def bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return another_warehouse(server, tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def landing(bench: Bench) -> Landing:
    return land_all(bench, odd_files())


@pytest.fixture(scope="module")
def built(bench: Bench, landing: Landing) -> Built:
    return build_all(bench, landing)


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


def fingerprints(bench: Bench) -> dict[str, object]:
    """Sum up the rows and rejects of every kind; where files lay and when they landed is left out."""
    return {kind.name: (found := fingerprint(bench, kind.name))["rows"] + found["rejects"] for kind in KINDS}


def results(landing: Landing) -> list[dict[str, object]]:
    """Return what the command said of each file, without its folder and its load's number."""
    left_out = ("file", "load_id")
    return [
        {name: value for name, value in found.result.items() if name not in left_out}
        for _, found in landing.found.values()
    ]


def test_by_insert_they_land_as_by_load_data(bench: Bench, landing: Landing, tmp_path: Path) -> None:
    """Prevents a text, a bit of a number, a NULL or a reject from depending on a setting, or on where tables stand."""
    by_insert = another_warehouse(bench.server, tmp_path, "four_schemas")
    with global_setting(by_insert, "local_infile", 0):
        found = land_all(by_insert, odd_files())
    assert results(found) == results(landing)
    assert fingerprints(by_insert) == fingerprints(bench)
    assert found.contents[0] == found.contents[1]  # landing again changes nothing
    assert "lands by INSERT" in found.first.stderr.replace("files land", "lands")


def test_whatever_landed_builds(built: Built) -> None:
    """Prevents one odd row from stopping the build for everybody."""
    assert {name: status for name, status in built.statuses.items() if status not in ("success", "pass", "warn")} == {}


def test_the_marts_hold_what_landed(built: Built) -> None:
    """Prevents an odd value from being lost, cut or changed on its way to the marts, and a key from being wrong."""
    complain(mart_differences(list(built.files.values()), built.found))


@pytest.mark.skipif(LONG, reason="AFTERSTATE_LONG_TESTS=1 lands other files than the page has; without it, this runs")
def test_the_page_says_what_happens(landing: Landing, built: Built) -> None:
    """Prevents docs/odd-files.md from promising what is no longer so; `script/odd-files` writes it again."""
    written, now = (text.splitlines() for text in (PAGE.read_text(encoding="utf-8"), page(landing, built)))
    assert [line for line in now if line not in written] == []
    assert written == now
