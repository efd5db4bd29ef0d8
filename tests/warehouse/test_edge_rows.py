"""Whatever lands, builds: rows at the edge of every rule land or are rejected, and all that landed is in the marts.

Many examples share one warehouse and one build, which takes seconds. When that fails, examples and then rows are left
out for as long as the rest still fails, and the rest is shown. AFTERSTATE_EDGE_ROWS=10000 draws more;
AFTERSTATE_TEST_SEED draws the same again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterstate.warehouse.dbt import dbt_command
from tests.bench import WITHOUT_TESTS, Bench, Server, empty_place, invoke_dbt
from tests.loaders.helpers import fuzz
from tests.loaders.odd.built import landed_files
from tests.loaders.odd.compare import first_difference
from tests.loaders.odd.kinds import CORE, NAND
from tests.loaders.odd.marts import differences, found_in
from tests.loaders.odd.outcome import Landing, land, outcomes, write
from tests.seed import VARIABLE, session_seed
from tests.warehouse.edge_rows import Example, Line, designs, extremes, misfit_rows, parted_choices, sessions

ROWS = int(os.environ.get("AFTERSTATE_EDGE_ROWS", "1000")) // 2  # of each family
TIMEOUT_SECONDS = 300 + ROWS  # a file has a few rows, and may take a second where many tests share a machine
# Keys drawn at random are not those of the log drawn at random: that is what this test is there to say.
MAY_FAIL = {"every_used_phase_key_is_in_the_log"}
Item = TypeVar("Item")


def draw(of: st.SearchStrategy[tuple[Line, ...]], rows: int) -> list[Example]:
    """Draw examples until they have about so many rows."""
    drawn: list[Example] = []

    @fuzz(rows // 5)
    @given(of)
    def collect(lines: tuple[Line, ...]) -> None:
        if sum(len(example.lines) for example in drawn) < rows:
            drawn.append(Example(len(drawn) + 1, lines))

    collect()
    return drawn


class Trial:
    """Lands and builds examples in a fresh warehouse each time, and says what is not as it should be."""

    def __init__(self, server: Server, folder: Path, layout: str) -> None:
        self._server = server
        self._layout = layout
        self._folder = folder
        self._numbers = count(1)

    def problems(self, examples: Sequence[Example], *arguments: str) -> list[str]:
        """Return what went wrong: rows, nodes of a `dbt build` with these arguments, marts."""
        folder = self._folder / str(next(self._numbers))
        bench = empty_place(self._server, folder, self._layout)
        bench.folder.mkdir()
        assert bench.run("up").exit_code == 0
        files = [file for example in examples for file in example.files()]
        named = write(files, bench.folder / "files")
        call = land(bench, bench.folder / "files", "--json", timeout_seconds=TIMEOUT_SECONDS)
        assert call.stdout, call.stderr
        found = outcomes(bench, named, call, replace(call, stdout=""))
        landing = Landing(call, call, {path: (file, found[path]) for path, file in named.items()}, [], [])
        problems = [problem for file, outcome in landing.found.values() if (problem := first_difference(file, outcome))]
        failed = _build(bench, arguments)
        if problems or failed:
            return problems + failed
        return differences(list(landed_files(bench, landing).values()), found_in(bench))


def _build(bench: Bench, arguments: Sequence[str]) -> list[str]:
    """Build and return the nodes that did not end well."""
    done = invoke_dbt(dbt_command(bench.settings, "build", arguments)[3:], bench.artifacts)
    results = getattr(done.result, "results", None)
    if results is None:
        return [f"dbt build: {done.exception}"]
    problems = [
        f"{result.node.name}: {result.status}: {result.message}"
        for result in results
        if str(result.status) not in ("success", "pass", "warn") and result.node.name not in MAY_FAIL
    ]
    return sorted(problems, key=lambda problem: ": skipped: " in problem)


def smallest(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> Sequence[Item]:
    """Return few of the items that still fail together: leave out halves, then quarters, then less."""
    size = len(items) // 2
    while size:
        at = 0
        while at < len(items):
            without = [*items[:at], *items[at + size :]]
            if without and fails(without):
                items = without
            else:
                at += size
        size //= 2
    return items


def smallest_example(examples: Sequence[Example], trial: Trial, *arguments: str) -> Example | None:
    """Return one example with few of its rows that fail alone; None when it takes several examples."""
    left = smallest(examples, lambda some: bool(trial.problems(some, *arguments)))
    if len(left) > 1:
        return None
    one = left[0]
    lines = smallest(one.lines, lambda some: bool(trial.problems([replace(one, lines=tuple(some))], *arguments)))
    return replace(one, lines=tuple(lines))


def shown(example: Example) -> str:
    """Spell the files of an example."""
    return "\n".join(f"{file.name}\n{file.content.decode('utf-8', 'replace')}" for file in example.files())


def check(
    server: Server, folder: Path, always: Iterable[Line], of: st.SearchStrategy[tuple[Line, ...]], layout: str
) -> None:
    """Land and build an example that is always there and those that are drawn, and fail with the smallest one."""
    trial = Trial(server, folder, layout)
    examples = [Example(0, tuple(always)), *draw(of, ROWS)]
    problems = trial.problems(examples)
    if problems:
        # where no test of dbt's own is what failed, they only take time
        arguments = () if any(": fail: " in problem for problem in problems) else WITHOUT_TESTS
        small = smallest_example(examples, trial, *arguments)
        told = f"it takes several of {len(examples)} examples" if small is None else shown(small)
        pytest.fail("\n".join([f"{VARIABLE}={session_seed()}", *problems[:10], told]), pytrace=False)


@pytest.mark.layouts("four_schemas")
def test_sessions_at_the_edge_build(server: Server, tmp_path: Path, layout: str) -> None:
    """Prevents one odd row of a simulator from stopping the build for everybody, and from a wrong key or choice."""
    check(server, tmp_path, (*misfit_rows(NAND), *parted_choices()), sessions(), layout)


@pytest.mark.layouts("one_database")
def test_designs_at_the_edge_build(server: Server, tmp_path: Path, layout: str) -> None:
    """Prevents steps, streaks and measures at the ends of their types from stopping the build for everybody."""
    check(server, tmp_path, (*misfit_rows(CORE), *extremes()), designs(), layout)
