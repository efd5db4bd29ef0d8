"""Governed runs by the thousand follow the rules that the published row's run follows, row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core import sample_run
from simulators.core.governed_files import HEADERS, blocks, run_id, write_governed_runs
from simulators.core.governed_runs import (
    ACTIONS,
    MILLIONTHS,
    TENTHS,
    Size,
    case_limit,
    case_name,
    draw_proposals,
    judge_case,
    letters,
    score,
    shutdown_steps,
)
from simulators.core.sample_run import EVENTS, FALLBACK, RESERVATION, TRACE, as_text
from tests.bench import ROOT

Table = list[list[str]]


def rows_of(folder: Path, name: str) -> Table:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def scalar_rows(seed: int, size: Size) -> dict[str, Table]:
    """Follow `sample_run`'s own functions, one row at a time, over the same draws."""
    drawn = draw_proposals(seed, 0, size.runs * size.antibodies, size)
    files: dict[str, Table] = {name: [header.split(",")] for name, header in HEADERS.items()}
    for run in range(size.runs):
        for case in (0, 1):
            for antibody in range(size.antibodies):
                series = run * size.antibodies + antibody
                past: list[sample_run.State] = []
                fallbacks, reservations = [], []
                for step in range(size.steps):
                    proposal = sample_run.Proposal(
                        ACTIONS[drawn.action[step, series]],
                        int(drawn.soms[step, series]) / TENTHS,
                        int(drawn.fallback_residual[step, series]) / MILLIONTHS,
                        int(drawn.risk_residual[step, series]) / MILLIONTHS,
                    )
                    past.append(state := sample_run.next_state(case_name(case), past, proposal))
                    key = {
                        "run_id": run_id(seed, run),
                        "case_id": case_name(case),
                        "antibody_id": f"antibody_{letters(antibody)}",
                        "step": step,
                    }
                    fallbacks.append(key | sample_run.decide_fallback(state, proposal.fallback_residual))
                    reservations.append(
                        key | sample_run.decide_reservation(state, fallbacks[-1], proposal.risk_residual)
                    )
                    rows = (key | asdict(state), fallbacks[-1], reservations[-1])
                    for name, row in zip((TRACE, FALLBACK, RESERVATION), rows, strict=True):
                        files[name].append([as_text(value) for value in row.values()])
                for event in sample_run.shutdown_events(fallbacks, reservations):
                    files[EVENTS].append([as_text(value) for value in event.values()])
    return files


@pytest.mark.parametrize("size", [Size(3, 2, 4, 60), Size(1, 2, 1, 1), Size(2, 2, 2, 12)], ids=str)
def test_rules_are_those_of_the_published_run(tmp_path: Path, size: Size) -> None:
    """Prevents a fast generator whose rules, rounding or spelling drift from the run that is calibrated."""
    for seed in (0, 7):
        write_governed_runs(size, seed, tmp_path)
        expected = scalar_rows(seed, size)
        for name in HEADERS:
            assert rows_of(tmp_path, name) == expected[name], name


@settings(max_examples=25, deadline=None)
@given(
    st.builds(Size, st.integers(1, 5), st.integers(1, 4), st.integers(1, 5), st.integers(1, 25)),
    st.lists(st.integers(1, 400), min_size=2, max_size=2),
)
def test_bytes_do_not_depend_on_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, size: Size, rows_per_block: Sequence[int]
) -> None:
    """Prevents draws or an order that change with how much is simulated at once, and series lost between blocks."""
    contents = []
    for rows in rows_per_block:
        folder = tmp_path_factory.mktemp("runs")
        contents.append([file.read_bytes() for file in write_governed_runs(size, 3, folder, rows_per_block=rows)])
        assert sum(block.count * len(block.cases) for block in blocks(size, rows)) * size.steps == size.rows
    assert contents[0] == contents[1]
    keys = [row[:4] for row in rows_of(folder, TRACE)[1:]]
    assert len({tuple(key) for key in keys}) == len(keys) == size.rows


def test_more_runs_leave_the_first_as_they_were(tmp_path: Path) -> None:
    """Prevents a larger simulation that is another world, not more of the same."""
    small = write_governed_runs(Size(runs=2), 5, tmp_path / "small")
    large = write_governed_runs(Size(runs=9), 5, tmp_path / "large")
    for few, many in zip(small, large, strict=True):
        assert many.read_bytes().startswith(few.read_bytes())


def test_further_cases_are_governed_under_lower_limits() -> None:
    """Prevents cases that repeat each other, or a baseline that is governed."""
    size = Size(runs=1, cases=4, antibodies=200, steps=60)
    drawn = draw_proposals(1, 0, 200, size)
    states = [judge_case(case, drawn) for case in range(size.cases)]
    assert [case_name(case) for case in range(4)] == ["A_BASELINE", "B_GOVERNED", "C_GOVERNED", "D_GOVERNED"]
    assert [case_limit(case) for case in (0, 1, 2, 3, 1000)] == [80, 80, 79, 78, 40]
    assert not states[0].is_blocked.any()
    for case in (1, 2, 3):
        assert states[case].soms_window.max() <= case_limit(case)
        assert states[case].is_blocked.any()
    assert (shutdown_steps(0, score(states[0], drawn)) == -1).all()
    assert (shutdown_steps(1, score(states[1], drawn)) >= 0).any()


def test_the_sample_is_what_it_was(tmp_path: Path) -> None:
    """Prevents the published row's run, samples/core, changing by a byte."""
    for file in sample_run.write(tmp_path):
        assert file.read_bytes() == (ROOT / "samples" / "core" / file.name).read_bytes()


def test_letters_go_on_after_z() -> None:
    """Prevents two antibodies of one name."""
    assert [letters(number) for number in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
