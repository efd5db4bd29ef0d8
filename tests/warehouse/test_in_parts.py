"""Tables that several connections fill at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from afterstate.warehouse import in_parts
from tests.bench import Bench
from tests.warehouse.builders import TIMEOUT_SECONDS, statements, wait_until
from tests.warehouse.project import Project

DBT = (sys.executable, "-m", "dbt_afterstate")
CORES = min(in_parts.cores(), 4)  # of a process of its own, which has four threads
PARTS = 3
NUMBERS = (None, 0, 1, 2, 3, -1, -2, -3, 2**31 - 1, -(2**31), 2**40)
ROWS = "\nunion all ".join(
    f"select {place} as id, {'null' if number is None else number} as number" for place, number in enumerate(NUMBERS)
)
MODEL = "select id, cast({value} as signed) as value from (" + ROWS + ") as numbers where {{{{ in_part('number') }}}}"
COLUMNS = {"id": "int", "value": "bigint"}
INSERT = "insert into"


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have as many cores as parts, wherever the test runs."""
    monkeypatch.setattr(in_parts, "cores", lambda: PARTS)


@pytest.fixture
def project(warehouse: Bench) -> Project:
    """Return an empty project."""
    return Project(warehouse)


@pytest.mark.parametrize("threads", [1, 2, PARTS])
def test_every_row_is_of_one_part(project: Project, threads: int) -> None:
    """Prevents rows that no part takes, or two: negative numbers, and none at all."""
    project.model(MODEL.format(value="connection_id()"), COLUMNS, materialized="table")
    assert project.run("--threads", str(threads)) == ""
    rows = project.rows()
    assert [number for number, _ in rows] == list(range(len(NUMBERS)))
    assert len({connection for _, connection in rows}) == threads


def test_a_part_that_fails_changes_nothing(project: Project) -> None:
    """Prevents a table that lacks the rows of one part, and an error that only a thread has heard."""
    project.model(MODEL.format(value="id"), COLUMNS, materialized="table")
    assert project.run() == ""
    before = project.rows()
    project.model(
        MODEL.format(value="case when id = 2 then 1000 else 1 end"),
        {**COLUMNS, "value": "tinyint"},
        materialized="table",
    )
    assert "Out of range value for column 'value'" in project.run()
    assert project.rows() == before
    project.model(MODEL.format(value="2 * id"), COLUMNS, materialized="table")
    assert project.run() == ""
    assert project.rows() == [(number, 2 * value) for number, value in before]


@contextmanager
def at_work(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a `dbt run` whose parts are all in their statements."""
    project.model(MODEL.format(value="sleep(60)"), COLUMNS, materialized="table")
    environment, said = project.warehouse.process_environment, project.folder / "said"
    with said.open("wb") as out, subprocess.Popen([*DBT, *project.line("run")], env=environment, stdout=out) as run:
        try:
            wait_until(lambda: len(statements(project.warehouse, INSERT)) == CORES, said.read_text)
            yield run
        finally:
            run.kill()


def test_a_signal_ends_every_part(project: Project) -> None:
    """Prevents a build that was stopped from going on in the connections that it had besides its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with at_work(project) as run:
            run.send_signal(number)
            assert run.wait(TIMEOUT_SECONDS) != 0, number
            assert statements(project.warehouse, INSERT) == [], number


def test_what_a_killed_build_left_is_ended_by_the_next(project: Project) -> None:
    """Prevents a part of a killed build from filling the next build's table."""
    with at_work(project) as run:
        run.kill()
        run.wait(TIMEOUT_SECONDS)
        orphans = statements(project.warehouse, INSERT)
        assert len(orphans) == CORES
        project.model(MODEL.format(value="id"), COLUMNS, materialized="table")
        assert project.run() == ""
        assert project.rows() == [(number, number) for number in range(len(NUMBERS))]
        running = project.warehouse.query("show processlist", role="dbt")
        assert not set(orphans) & {row[0] for row in running}
